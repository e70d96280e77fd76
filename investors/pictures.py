"""Pictures of documents drawn anew: JPEG, PNG, WebP and PDF in, plain JPEG pages out.

What a file is besides a picture (metadata, scripts, another file behind it) does not come along: only pixels do.
Reading hostile bytes is done by ``apart`` in a process of its own, which knows no key and no database, writes no file,
and ends when it takes too much memory or time. It runs this very file, so nothing of the project is imported here.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import pypdfium2
from PIL import Image, ImageDraw, ImageFont, ImageOps, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin

LARGEST = 15 * 1024 * 1024  # bytes of a file; also of all the pages that are made of it
PIXELS = 16_000_000  # of a picture that must be decoded whole: 300 dpi of A3
JPEG_PIXELS = 50_000_000  # a JPEG is decoded at half, a quarter or an eighth of its size
SMALLEST = 300  # pixels of the shorter side; below it nothing can be read
PAGES = 8
LONGER_SIDE = 2400  # pixels of what is kept: A4 at 205 dpi
QUALITY = 85
MEMORY = 224 * 1024 * 1024  # bytes of data that the process may take
SECONDS = 2  # of processor time: twice what eight scanned pages take; the clock on the wall may show more
PATIENCE = 20

PLUGINS = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin)  # loaded before the limits are set
SIGNATURES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"RIFF": "WEBP", b"%PDF-": "PDF"}
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}


class Refused(Exception):
    """The file cannot be taken; ``code`` says why, for programs."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Picture:
    """One page: a JPEG without any metadata, and its size in pixels."""

    jpeg: bytes
    width: int
    height: int


def apart(data: bytes) -> list[Picture]:
    """The pages of a file, read in a process of its own. Raises Refused."""
    if len(data) > LARGEST:
        raise Refused("too_large")
    kind_of(data)
    try:
        child = subprocess.run(
            [sys.executable, "-I", __file__],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            cwd="/",
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused("too_costly") from None
    if child.returncode:  # ended by a limit, or by a fault of the decoder
        raise Refused("too_costly")
    return list(_received(child.stdout))


def pages_of(data: bytes) -> list[Picture]:
    """The pages of a file, read here and now: for bytes that are trusted, and inside ``apart``. Raises Refused."""
    kind = kind_of(data)
    pages = list(_rendered(data)) if kind == "PDF" else [_redrawn(data, kind)]
    if sum(len(page.jpeg) for page in pages) > LARGEST:
        raise Refused("too_large")
    return pages


def kind_of(data: bytes) -> str:
    """JPEG, PNG, WEBP or PDF by the first bytes, whatever the name says. Raises Refused."""
    if data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS:
        raise Refused("heic")
    for signature, kind in SIGNATURES.items():
        if data.startswith(signature) and (kind != "WEBP" or data[8:12] == b"WEBP"):
            return kind
    raise Refused("unknown_type")


def watermarked(jpeg: bytes, text: str) -> bytes:
    """A page of ours with a text drawn all over it, so that a copy tells where it comes from."""
    image = Image.open(BytesIO(jpeg), formats=["JPEG"]).convert("RGBA")
    size = max(18, image.width // 45)
    font = ImageFont.load_default(size)
    width, height = int(font.getlength(text)) + 80, size * 7
    side = image.width + image.height
    sheet = Image.new("RGBA", (side, side))
    pen = ImageDraw.Draw(sheet)
    for row, top in enumerate(range(0, side, height)):
        for left in range(-(row % 2) * width // 2, side, width):
            pen.text(
                (left, top), text, font=font, fill=(150, 20, 20, 110), stroke_width=1, stroke_fill=(255, 255, 255, 70)
            )
    turned = sheet.rotate(24, resample=Image.Resampling.BILINEAR)
    left, top = (side - image.width) // 2, (side - image.height) // 2
    image.alpha_composite(turned.crop((left, top, left + image.width, top + image.height)))
    return _encoded(image.convert("RGB")).jpeg


def _redrawn(data: bytes, kind: str) -> Picture:
    try:
        opened = Image.open(BytesIO(data), formats=[kind])  # a phone's JPEG of several pictures opens at its first
    except Image.DecompressionBombError:
        raise Refused("too_many_pixels") from None
    with opened as image:
        most = JPEG_PIXELS if kind == "JPEG" else PIXELS
        if image.width * image.height > most:
            raise Refused("too_many_pixels")
        if min(image.size) < SMALLEST:
            raise Refused("too_small")
        if kind != "JPEG" and getattr(image, "n_frames", 1) > 1:
            raise Refused("moving")
        image.draft(None, (LONGER_SIDE, LONGER_SIDE))
        image.thumbnail((LONGER_SIDE, LONGER_SIDE), resample=Image.Resampling.BICUBIC, reducing_gap=None)
        return _encoded(_on_white(ImageOps.exif_transpose(image)))


def _on_white(image: Image.Image) -> Image.Image:
    """The pixels alone on a sheet of their own: what the file said about itself stays behind."""
    if image.mode.startswith("I"):  # 16 bits a pixel
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    sheet = Image.new("RGB", image.size, "white")
    layer = image.convert("RGBA") if image.has_transparency_data else image.convert("RGB")
    sheet.paste(layer, mask=layer.getchannel("A") if layer.mode == "RGBA" else None)
    return sheet


def _rendered(data: bytes) -> Iterator[Picture]:
    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise Refused("locked" if "password" in str(error).lower() else "unreadable") from None
    if len(pdf) > PAGES:
        raise Refused("too_many_pages")
    if not len(pdf):
        raise Refused("unreadable")
    for page in pdf:
        scale = LONGER_SIDE / max(page.get_size())
        yield _encoded(_on_white(page.render(scale=scale, may_draw_forms=False).to_pil()))
        page.close()


def _encoded(image: Image.Image) -> Picture:
    written = BytesIO()
    image.save(written, "JPEG", quality=QUALITY)
    return Picture(written.getvalue(), *image.size)


# ── the process apart ─────────────────────────────────────────────────────────────────────────────────────────────


def _received(answer: bytes) -> Iterator[Picture]:
    head, _, body = answer.partition(b"\n")
    told = json.loads(head)
    if "refused" in told:
        raise Refused(told["refused"])
    for length, width, height in told["pages"]:
        yield Picture(body[:length], width, height)
        body = body[length:]


def _answer(data: bytes) -> bytes:
    try:
        pages = pages_of(data)
    except Refused as refused:
        return json.dumps({"refused": refused.code}).encode() + b"\n"
    except MemoryError:
        return b'{"refused": "too_costly"}\n'
    except Exception:  # whatever a decoder finds wrong with a file
        return b'{"refused": "unreadable"}\n'
    told = {"pages": [(len(page.jpeg), page.width, page.height) for page in pages]}
    return b"\n".join([json.dumps(told).encode(), b"".join(page.jpeg for page in pages)])


def _limit() -> None:
    """From here on: bounded memory and time, no file is written, nothing is left in a core, others go first."""
    for what, most in (
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(10)


if __name__ == "__main__":
    _limit()
    sys.stdout.buffer.write(_answer(sys.stdin.buffer.read(LARGEST + 1)))
