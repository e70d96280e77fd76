from tests.fund.distribution.conftest import fund

__all__ = ["fund"]
