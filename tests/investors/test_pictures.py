"""Whatever file comes, a plain picture comes out or a clear refusal, in bounded time and memory (D5; input rows)."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from investors import pictures
from investors.evidence import WHY
from tests.investors import files

TYPES = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "html before a picture": b"<html>" + files.picture(),
    "zip": b"PK\x03\x04" + bytes(60),
    "gif": files.moving("GIF"),
    "tiff": files.picture("TIFF"),
    "pdf in the middle": b"\n" * 10 + files.pdf(),
    "riff that is a sound": b"RIFF\x24\0\0\0WAVEfmt ",
    "nothing": b"",
}


def refused(data: bytes) -> str:
    with pytest.raises(pictures.Refused) as found:
        pictures.pages_of(data)
    return found.value.code


def shown(page: pictures.Picture) -> Image.Image:
    return Image.open(io.BytesIO(page.jpeg))


def traces(jpeg: bytes) -> list[str]:
    """What a file tells besides its pixels."""
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    told = [name for name in ("exif", "icc_profile", "comment", "xmp", "photoshop") if image.info.get(name)]
    planted = [files.GPS, b"Maker", b"private", b"secret", b"script", b"PK\x03\x04", b"a profile"]
    behind = [] if jpeg.endswith(b"\xff\xd9") else ["bytes behind its end"]
    return told + [str(part) for part in planted if part in jpeg] + behind


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_comes_out_as_a_plain_jpeg(form):
    (page,) = pictures.pages_of(files.picture(form))
    image = shown(page)
    assert (
        (image.format, image.mode, image.size)
        == ("JPEG", "RGB", (640, 420))
        == ("JPEG", "RGB", (page.width, page.height))
    )
    assert max(abs(a - b) for a, b in zip(image.getpixel((9, 9)), (0, 128, 128), strict=True)) < 6
    assert traces(page.jpeg) == []


def test_a_phones_picture_is_turned_upright_and_tells_nothing_any_more():
    (page,) = pictures.pages_of(files.from_a_phone())
    assert (page.width, page.height) == (420, 640)
    red, teal = shown(page).getpixel((210, 20)), shown(page).getpixel((210, 620))
    assert red[0] > 200 and teal[0] < 60, "what was left is above"
    assert traces(page.jpeg) == []


def test_as_it_came_it_tells_everything():
    """Negative control of the test above: the file kept as it is, and the file encoded without a sheet of its own."""
    found = traces(files.from_a_phone())
    assert {"exif", "icc_profile", "comment", "bytes behind its end", str(files.GPS)} <= set(found)
    written = io.BytesIO()
    Image.open(io.BytesIO(files.from_a_phone())).save(written, "JPEG")
    assert "comment" in traces(written.getvalue())


def test_without_a_sheet_of_its_own_a_comment_would_pass(monkeypatch):
    """Negative control: the stripping taken away."""
    monkeypatch.setattr(pictures, "_on_white", lambda image: image)
    (page,) = pictures.pages_of(files.jpeg_and_html())
    assert "comment" in traces(page.jpeg)


@pytest.mark.parametrize("file", [files.jpeg_and_zip(), files.jpeg_and_html()])
def test_a_file_that_is_two_things_comes_out_as_one(file):
    assert traces(file) != []
    (page,) = pictures.pages_of(file)
    assert traces(page.jpeg) == []


def test_texts_of_a_png_stay_behind():
    told = PngImagePlugin.PngInfo()
    told.add_text("Author", "a private comment", zip=True)
    (page,) = pictures.pages_of(files.picture("PNG", pnginfo=told))
    assert traces(page.jpeg) == []


@pytest.mark.parametrize("file", TYPES.values(), ids=TYPES)
def test_only_what_begins_as_a_picture_is_looked_at(file):
    assert refused(file) == "unknown_type"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(40), "heic"),
        (files.png(50_000, 50_000), "too_many_pixels"),
        (files.png(5_000, 5_000), "too_many_pixels"),
        (files.picture(size=(8_000, 6_400)), "too_many_pixels"),
        (files.picture(size=(299, 2_000)), "too_small"),
        (files.moving("PNG"), "moving"),
        (files.moving("WEBP"), "moving"),
        (files.pdf(pages=9), "too_many_pages"),
        (b"%PDF-1.7\nnothing", "unreadable"),
    ],
)
def test_bounds(file, code):
    assert refused(file) == code


def test_every_refusal_has_its_sentence():
    source = Path(pictures.__file__).read_text()
    codes = {part.split('"')[0] for part in source.split('Refused("')[1:]}
    assert codes | {"unreadable"} == set(WHY)


def test_a_large_jpeg_is_made_smaller():
    (page,) = pictures.pages_of(files.picture(size=(8_000, 6_000)))
    assert (page.width, page.height) == (2_400, 1_800)


def test_what_is_transparent_becomes_white_and_16_bits_become_8():
    written = io.BytesIO()
    Image.new("RGBA", (400, 400), (0, 0, 0, 0)).save(written, "PNG")
    assert shown(pictures.pages_of(written.getvalue())[0]).getpixel((9, 9)) == (255, 255, 255)
    written = io.BytesIO()
    Image.new("I;16", (400, 400), 0x8000).save(written, "PNG")
    assert abs(shown(pictures.pages_of(written.getvalue())[0]).getpixel((9, 9))[0] - 128) < 3


def test_pages_of_a_pdf_are_drawn():
    pages = pictures.pages_of(files.pdf(pages=2))
    assert [(page.width, page.height) for page in pages] == [(1_696, 2_400)] * 2
    assert shown(pages[0]).getpixel((100, 2_300)) == (0, 0, 0) and shown(pages[0]).getpixel((1_600, 100)) == (255,) * 3
    assert all(traces(page.jpeg) == [] for page in pages)


def test_a_mark_changes_the_pixels_everywhere():
    (page,) = pictures.pages_of(files.picture(size=(1_200, 800)))
    marked = Image.open(io.BytesIO(pictures.watermarked(page.jpeg, "Officer · 2026-11-20 · application 7")))
    plain = shown(page)
    assert marked.size == plain.size
    for box in ((0, 0, 600, 400), (600, 0, 1_200, 400), (0, 400, 600, 800), (600, 400, 1_200, 800)):
        red = [
            abs(a[0] - b[0])
            for a, b in zip(marked.crop(box).get_flattened_data(), plain.crop(box).get_flattened_data(), strict=True)
        ]
        assert sum(difference > 30 for difference in red) > 2_000, box


# ── apart: what the process may cost ──

BOMBS = {
    "plain": ("files.picture()", 1),
    "50,000 × 50,000": ("files.png(50_000, 50_000)", "too_many_pixels"),
    "just small enough": ("files.png(4_000, 4_000)", 1),
    "cut off": ("files.picture(size=(2_000, 2_000))[:9_000]", "unreadable"),
    "empty": ("files.picture()[:40]", "unreadable"),
    "a picture of 20,000 × 20,000 in a PDF": ("files.pdf_of_an_image(20_000)", None),
    "cut off PDF": ("files.pdf()[:200]", "unreadable"),
    "a long page": ("files.pdf(box=b'0 0 1 14400')", 1),
    "many frames": ("files.moving('WEBP')", "moving"),
    "much behind the end": ("files.picture() + bytes(14_000_000)", 1),
    "too large": ("files.picture() + bytes(16_000_000)", "too_large"),
}
# The parent's peak is not the child's: the status of the last child is asked from the children's account.
PARENT = """
import json, resource, sys, time
from investors import pictures
from tests.investors import files
data = FILE
began = time.monotonic()
try:
    found = len(pictures.apart(data))
except pictures.Refused as refused:
    found = refused.code
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([found, time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024]))
"""


def apart(file: str) -> tuple[object, float, float, int]:
    """What came of it, seconds by the clock and of the processor, and the most MB of the process apart."""
    done = subprocess.run(
        [sys.executable, "-c", PARENT.replace("FILE", file)],
        stdout=subprocess.PIPE,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    found, clock, processor, megabytes = json.loads(done.stdout)
    return found, clock, processor, megabytes


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_less_than_two_seconds_and_256_mb(name):
    file, expected = BOMBS[name]
    found, _clock, processor, megabytes = apart(file)
    assert expected in (None, found)
    assert processor < 2 and megabytes < 256, (processor, megabytes)


def test_what_takes_long_is_ended():
    found, _clock, processor, _megabytes = apart("files.pdf_that_takes_long()")
    assert found == "too_costly"
    assert processor < 3


def test_without_the_bound_of_pixels_more_would_be_decoded(monkeypatch):
    """Negative control of the bound."""
    file = files.png(16_000, 16_000)
    with pytest.raises(pictures.Refused, match="too_many_pixels"):
        pictures.pages_of(file)
    monkeypatch.setattr(pictures, "PIXELS", 10**9)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    (page,) = pictures.pages_of(file)
    assert page.width == pictures.LONGER_SIDE


def test_what_takes_too_much_memory_is_ended_and_read_here_it_would_not_be():
    """40 bytes that take more than the process apart may have. The last line is the negative control."""
    written = io.BytesIO()
    Image.new("RGBA", (4_000, 4_000), (1, 2, 3, 4)).save(written, "WEBP", lossless=True, method=0)
    with pytest.raises(pictures.Refused, match="too_costly"):
        pictures.apart(written.getvalue())
    assert len(pictures.pages_of(written.getvalue())) == 1


def test_the_process_apart_knows_no_secrets_and_writes_no_file(monkeypatch, tmp_path):
    asked: dict = {}
    run = subprocess.run

    def watch(command, **options):
        asked.update(options)
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", watch)
    pictures.apart(files.picture())
    assert asked["env"] == {}
    probe = f"""
import sys; sys.path.insert(0, {str(Path(pictures.__file__).parent)!r})
import pictures, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
pictures._limit()
try:
    with open({str(tmp_path / "written")!r}, "wb") as file:
        file.write(b"x" * 10_000)
    print("written")
except OSError as error:
    print("refused")
"""
    assert run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.strip() == "refused"


def test_a_process_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(pictures, "PATIENCE", 0.01)
    began = time.monotonic()
    with pytest.raises(pictures.Refused, match="too_costly"):
        pictures.apart(files.picture())
    assert time.monotonic() - began < 2
