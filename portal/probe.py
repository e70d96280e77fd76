"""`python -m portal.probe`: exit 0 when the web server beside it says that it is ready. For containers without curl."""

import http.client
import os
import sys


def main(host: str = "127.0.0.1", port: int = 8000) -> int:
    allowed = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().removeprefix(".")
    connection = http.client.HTTPConnection(host, port, timeout=4)
    try:
        connection.request("GET", "/health/ready", headers={"Host": allowed})
        return 0 if connection.getresponse().status == 200 else 1
    except OSError:
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
