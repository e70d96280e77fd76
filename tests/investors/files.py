"""Files as people and attackers send them: pictures with metadata, bombs, polyglots, PDFs."""

import io
import struct
import zipfile
import zlib

from PIL import Image

GPS = b"51.5033N"


def picture(form: str = "JPEG", size: tuple[int, int] = (640, 420), colour: str = "teal", **more: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, form, **more)
    return written.getvalue()


def from_a_phone() -> bytes:
    """On its side, with the place where it was taken, a comment, a colour profile and something behind its end."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    exif[0x010F] = "Maker of phones"
    exif.get_ifd(0x8825)[1] = GPS.decode()
    upright = Image.new("RGB", (640, 420), "teal")
    upright.paste("red", (0, 0, 320, 420))
    written = io.BytesIO()
    upright.save(written, "JPEG", exif=exif, comment=b"a private comment", icc_profile=b"a profile" * 9)
    return written.getvalue() + b"trailing secret"


def png(width: int, height: int) -> bytes:
    """A black PNG of one bit a pixel, made without ever holding it: 50,000 × 50,000 are 300 kB."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\0" * (1 + width // 8)
    pressed = zlib.compressobj(9)
    body = b"".join(pressed.compress(row * 100) for _ in range(height // 100)) + pressed.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def moving(form: str) -> bytes:
    written = io.BytesIO()
    frames = [Image.new("RGB", (640, 420), colour) for colour in ("red", "teal")]
    frames[0].save(written, form, save_all=True, append_images=frames[1:])
    return written.getvalue()


def jpeg_and_zip() -> bytes:
    """A picture that also unpacks to a page with a script."""
    written = io.BytesIO(picture())
    with zipfile.ZipFile(written, "a") as archive:
        archive.writestr("index.html", "<script>alert(1)</script>")
    return written.getvalue()


def jpeg_and_html() -> bytes:
    return picture(comment=b"--><html><script>alert(1)</script><!--")


def pdf(
    content: bytes = b"0 0 300 300 re f", *, pages: int = 1, box: bytes = b"0 0 595 842", image: bytes = b""
) -> bytes:
    """A small PDF; ``image``: the object that is drawn as /I."""
    pressed = zlib.compress(content, 9)
    kids = b" ".join(b"%d 0 R" % (number + 5) for number in range(pages))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 3 0 R/Resources<</XObject<</I 4 0 R>>>>>>" % box
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>",
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pages),
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(pressed), pressed),
        image or b"<<>>",
        *[page] * pages,
    ]
    written, places = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(written))
    return written + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


def pdf_of_an_image(side: int) -> bytes:
    """A page with a grey picture of that many pixels squared, pressed to almost nothing."""
    pressed = zlib.compressobj(9)
    body = b"".join(pressed.compress(b"\0" * side) for _ in range(side)) + pressed.flush()
    head = b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8" % (side, side)
    stream = head + b"/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(body), body)
    return pdf(b"595 0 0 842 0 0 cm /I Do", image=stream)


def pdf_that_takes_long() -> bytes:
    return pdf(b"0.5 g 0 0 595 842 re f 0 0 m 595 842 l 300 100 20 30 500 600 c S\n" * 200_000)
