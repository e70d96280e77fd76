"""Pictures of the identity documents of the demonstration: plainly specimens, no two alike."""

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from investors import evidence, pictures
from investors.evidence import Taken

SIZE = (900, 620)
PAPER, INK, MARK = "#eef0ea", "#2a3040", "#c9b7a8"


def taken(*lines: str) -> Taken:
    """A specimen that shows these lines (Latin letters). It is drawn here, so it is read here and not apart."""
    file = picture(*lines)
    return Taken(pictures.pages_of(file), evidence.fingerprint(file))


def picture(*lines: str) -> bytes:
    """The same as a JPEG file."""
    image = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((60, 240), "SPECIMEN", font=ImageFont.load_default(150), fill=MARK)
    pen.rectangle((60, 60, 260, 320), outline=INK, width=3)
    for number, line in enumerate(lines):
        pen.text((320, 70 + 52 * number), line, font=ImageFont.load_default(30), fill=INK)
    written = BytesIO()
    image.save(written, "JPEG", quality=80)
    return written.getvalue()
