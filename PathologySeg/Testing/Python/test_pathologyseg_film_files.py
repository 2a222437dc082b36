"""Chest films from files: every format gives one film, no side is guessed against a tag, and the rest is refused."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Volume
from AnatomyGuidedLib.io import write_volume
from made_films import phantom_xray, write_dicom_film, write_picture
from made_images import cylinder_body, reoriented
from PathologySegLib.films.dicom_light import windowed
from PathologySegLib.films.frame import Frame
from PathologySegLib.films.placement import placement_on
from PathologySegLib.films.radiograph import Radiograph
from PathologySegLib.films.reading import read_radiograph

RAMP = np.arange(48, dtype=np.uint16).reshape(6, 8) * 50  # 0 to 2350
# Columns to the patient's left, rows to the feet, then towards the back: a frontal film as a coronal slice.
CORONAL = np.array([[-0.2, 0, 0, 90], [0, 0, -1, 5], [0, -0.3, 0, 70], [0, 0, 0, 1.0]])
LATERAL = pydicom.Dataset()
LATERAL.CodeMeaning = "left lateral"


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(AnatomyGuidedError) as caught:
        read_radiograph(path, **options)
    return str(caught.value)


def same(film: Radiograph, image: np.ndarray) -> bool:
    return film.image.shape == image.shape and bool(np.abs(film.image - image).max() < 1e-6)


def test_one_film_is_the_same_in_every_picture_format(tmp_path: Path) -> None:
    image = phantom_xray().image
    assert (image.min(), image.max()) == (0, 255)
    wanted = image / 255
    colours = np.repeat(image[..., None], 3, axis=2)
    opaque = np.concatenate([colours, np.full((*image.shape, 1), 255, np.uint8)], axis=2)
    for name, values in (
        ("grey.png", image), ("grey.tif", image), ("deep.png", image.astype(np.uint16) * 257),
        ("deep.tif", image.astype(np.uint16) * 16), ("colours.png", colours), ("opaque.png", opaque),
    ):  # fmt: skip
        film = read_radiograph(write_picture(tmp_path / name, values))
        assert same(film, wanted), name
        assert (film.pixel_mm, film.orientation) == (None, "assumed")
    assert np.abs(read_radiograph(write_picture(tmp_path / "g.jpg", image)).image - wanted).mean() < 0.02
    assert read_radiograph(tmp_path / "grey.png", pixel_mm=0.7).pixel_mm == (0.7, 0.7)


def test_an_8_bit_film_is_read_as_in_training(tmp_path: Path) -> None:
    from PathologySegLib.apex.film import read_image

    path = write_picture(tmp_path / "a.png", phantom_xray().image)
    np.testing.assert_array_equal(read_radiograph(path).image, read_image(path))


@pytest.mark.parametrize("high_is_dark", [False, True])
def test_a_dicom_films_window_is_honoured_before_dark_and_light_are_exchanged(
    high_is_dark: bool, tmp_path: Path
) -> None:
    """Rescaled values are 2 x stored - 100; the window from 500 to 1500 shows (value - 500) / 1000, inverted or not."""
    kind = "MONOCHROME1" if high_is_dark else "MONOCHROME2"
    path = write_dicom_film(
        tmp_path / "a.dcm", RAMP, PhotometricInterpretation=kind, RescaleSlope=2, RescaleIntercept=-100,
        WindowCenter=[1000, 9], WindowWidth=[1000, 9], VOILUTFunction="LINEAR_EXACT",
    )  # fmt: skip
    shown = np.clip((2.0 * RAMP - 100 - 500) / 1000, 0, 1)
    assert same(read_radiograph(path), 1 - shown if high_is_dark else shown)
    plain = read_radiograph(write_dicom_film(tmp_path / "b.dcm", RAMP, PhotometricInterpretation=kind))
    assert same(plain, 1 - RAMP / 2350 if high_is_dark else RAMP / 2350)
    padded = read_radiograph(
        write_dicom_film(tmp_path / "c.dcm", RAMP, PhotometricInterpretation=kind, PixelPaddingValue=0)
    )
    wanted = (RAMP - 50.0) / 2300
    wanted = 1 - wanted if high_is_dark else wanted
    wanted[0, 0] = 0
    assert same(padded, wanted)


def test_windows_are_pydicoms(tmp_path: Path) -> None:
    header = pydicom.dcmread(write_dicom_film(tmp_path / "a.dcm", RAMP, WindowCenter=700, WindowWidth=900))
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        header.VOILUTFunction = function
        theirs = pydicom.pixels.apply_windowing(RAMP, header) / 4095
        assert np.abs(windowed(RAMP.astype(float), 700, 900, function) - theirs).max() < 1e-6


def test_look_up_tables_are_applied(tmp_path: Path) -> None:
    table = pydicom.Dataset()
    entries = np.arange(1023, 1023 - 48 * 20, -20).astype(np.uint16)
    table.LUTDescriptor, table.LUTData = [48, 0, 10], entries.tobytes()
    path = write_dicom_film(tmp_path / "a.dcm", RAMP // 50, VOILUTSequence=[table])
    assert same(read_radiograph(path), (1023 - 20.0 * (RAMP // 50)) / 1023)


def test_a_table_of_the_detectors_values_comes_before_the_window(tmp_path: Path) -> None:
    table = pydicom.Dataset()
    entries = np.arange(0, 48 * 3, 3).astype(np.uint16)
    table.LUTDescriptor, table.LUTData = [48, 0, 16], entries.tobytes()
    path = write_dicom_film(tmp_path / "a.dcm", RAMP // 50, ModalityLUTSequence=[table], WindowCenter=50,
                            WindowWidth=60, VOILUTFunction="LINEAR_EXACT")  # fmt: skip
    assert same(read_radiograph(path), np.clip((3.0 * (RAMP // 50) - 20) / 60, 0, 1))


def test_a_film_cut_off_anywhere_is_refused_in_one_sentence(tmp_path: Path) -> None:
    whole = write_dicom_film(tmp_path / "a.dcm", RAMP).read_bytes()
    for kept in range(0, len(whole) - 1, 11):
        (tmp_path / "b.dcm").write_bytes(whole[:kept])
        assert refusal(tmp_path / "b.dcm").startswith("b.dcm")


def test_a_compressed_film_is_read_too(tmp_path: Path) -> None:
    image = SimpleITK.ReadImage(str(write_dicom_film(tmp_path / "a.dcm", RAMP)))
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(tmp_path / "j.dcm"))
    writer.UseCompressionOn()
    writer.SetImageIO("GDCMImageIO")
    writer.Execute(image)
    header = pydicom.dcmread(tmp_path / "j.dcm")
    assert header.file_meta.TransferSyntaxUID.is_compressed
    assert same(read_radiograph(tmp_path / "j.dcm"), RAMP / 2350)


def test_the_size_of_a_pixel_is_the_calibrated_one_before_the_detectors(tmp_path: Path) -> None:
    both = write_dicom_film(tmp_path / "a.dcm", RAMP, PixelSpacing=[0.2, 0.3], ImagerPixelSpacing=[0.25, 0.35])
    film = read_radiograph(both)
    assert (film.pixel_mm, film.pixel_mm_from) == ((0.2, 0.3), "PixelSpacing")
    film = read_radiograph(write_dicom_film(tmp_path / "b.dcm", RAMP, ImagerPixelSpacing=[0.25, 0.35]))
    assert (film.pixel_mm, film.pixel_mm_from) == ((0.25, 0.35), "ImagerPixelSpacing")
    assert read_radiograph(write_dicom_film(tmp_path / "c.dcm", RAMP)).pixel_mm is None


def test_a_slice_with_axes_in_the_patient_is_turned_to_hang_as_films_do(tmp_path: Path) -> None:
    """Mirrored, upside down, and with axes in any order: the affine says where the left is, so it is one film."""
    base = Grid((8, 6, 1), CORONAL)
    values = RAMP.T[..., None]
    for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1)):
        for flips in ((False, False, False), (True, False, False), (False, True, False), (True, True, True)):
            moved, grid = reoriented(values, base, order, flips)
            for name in ("a.nii.gz", "a.nrrd"):
                write_volume(Volume(moved, grid), tmp_path / name)
                film = read_radiograph(tmp_path / name)
                assert same(film, RAMP / 2350)
                assert film.pixel_mm == pytest.approx((0.3, 0.2))
                assert film.orientation.startswith("the file's axes")
                np.testing.assert_array_equal(film.placement.on_grid(RAMP), moved)


def test_a_flat_file_is_taken_as_viewers_show_it(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(RAMP)
    image.SetSpacing((0.2, 0.3))
    for name in ("flat.nii.gz", "flat.nrrd"):
        SimpleITK.WriteImage(image, str(tmp_path / name))
        film = read_radiograph(tmp_path / name)
        assert same(film, RAMP / 2350)
        assert film.pixel_mm == pytest.approx((0.3, 0.2))
        assert (film.orientation, film.notes) == ("assumed", ())
    nibabel.save(nibabel.Nifti1Image(RAMP.T[..., None].astype(np.int16), np.eye(4)), tmp_path / "ras.nii.gz")
    film = read_radiograph(tmp_path / "ras.nii.gz")
    assert same(film, RAMP[::-1, ::-1] / 2350)
    assert "as viewers show it" in film.notes[0]


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"PatientOrientation": ["R", "F"]}, "mirrored or turned"),
        ({"PatientOrientation": ["F", "L"]}, "mirrored or turned"),
        ({"PatientOrientation": ["L", "H"]}, "mirrored or turned"),
        ({"PatientOrientation": ["A", "F"]}, "from the side"),
        ({"ViewPosition": "LL"}, "the view LL"),
        ({"ViewPosition": None, "ViewCodeSequence": [LATERAL]}, "the view left lateral"),
        ({"BodyPartExamined": "HAND"}, "the part HAND"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "raw data"),
        ({"Modality": "CT"}, "of modality CT"),
        ({"Modality": None}, "of modality absent"),
        ({"NumberOfFrames": 2, "Rows": 3}, "several frames"),
        ({"PixelData": b"\1\2"}, "lacks a part of its pixels"),
        ({"PixelData": None}, "lacks a part of its pixels"),
        ({"Rows": None}, "no image"),
        ({"WindowCenter": 9000, "WindowWidth": 10}, "constant"),
    ],
)
def test_a_dicom_file_that_is_no_frontal_film_of_a_chest_is_refused(
    tags: dict[str, object], words: str, tmp_path: Path
) -> None:
    message = refusal(write_dicom_film(tmp_path / "a.dcm", RAMP, **tags))
    assert words in message
    assert "Miller" not in message


def test_force_takes_another_part_of_the_body_but_no_mirrored_film(tmp_path: Path) -> None:
    hand = write_dicom_film(tmp_path / "a.dcm", RAMP, BodyPartExamined="HAND")
    assert same(read_radiograph(hand, force=True), RAMP / 2350)
    assert "mirrored" in refusal(write_dicom_film(tmp_path / "b.dcm", RAMP, PatientOrientation=["R", "F"]), force=True)
    silent = read_radiograph(write_dicom_film(tmp_path / "c.dcm", RAMP, PatientOrientation=None, ViewPosition=None))
    assert (silent.orientation, silent.view) == ("assumed", "")
    assert read_radiograph(write_dicom_film(tmp_path / "d.dcm", RAMP)).orientation == "PatientOrientation"


def test_a_folder_holds_one_film(tmp_path: Path) -> None:
    write_dicom_film(tmp_path / "a.dcm", RAMP)
    assert same(read_radiograph(tmp_path), RAMP / 2350)
    write_dicom_film(tmp_path / "b.dcm", RAMP)
    assert "holds 2 DICOM files" in refusal(tmp_path)


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8)
    assert "in colours" in refusal(write_picture(tmp_path / "photo.png", colours))
    assert "in colours" in refusal(write_picture(tmp_path / "photo.jpg", colours))
    assert "constant" in refusal(write_picture(tmp_path / "black.png", np.zeros((9, 9), np.uint8)))
    assert "does not exist" in refusal(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no picture")
    assert "cannot be read" in refusal(tmp_path / "text.png")
    (tmp_path / "film.pdf").write_text("no picture")
    assert "none of a film's formats" in refusal(tmp_path / "film.pdf")
    (tmp_path / "film.dcm").write_text("no DICOM")
    assert "cannot be read as DICOM" in refusal(tmp_path / "film.dcm")
    ct = cylinder_body()
    write_volume(ct, tmp_path / "ct.nii.gz")
    assert "a volume of 44 x 44 x 20 voxels" in refusal(tmp_path / "ct.nii.gz")
    write_volume(Volume(ct.values[:, :, 9:10], Grid((44, 44, 1), ct.grid.affine), "HU"), tmp_path / "slice.nrrd")
    assert "histogram of a CT" in refusal(tmp_path / "slice.nrrd")
    assert read_radiograph(tmp_path / "slice.nrrd", force=True).image.shape == (44, 44)
    pages = SimpleITK.GetImageFromArray(np.zeros((3, 9, 9), np.uint8))
    SimpleITK.WriteImage(pages, str(tmp_path / "pages.tif"))
    assert "a volume of 9 x 9 x 3" in refusal(tmp_path / "pages.tif")
    values = RAMP.T[..., None].astype(np.float32)
    side = Grid((8, 6, 1), np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]]))
    write_volume(Volume(values, side), tmp_path / "side.nrrd")
    assert "from the side" in refusal(tmp_path / "side.nrrd")
    values[0, 0] = np.nan
    write_volume(Volume(values, Grid((8, 6, 1), CORONAL)), tmp_path / "nan.nrrd")
    assert "NaN" in refusal(tmp_path / "nan.nrrd")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.ones((2, 2, 6, 8), np.uint8)), str(tmp_path / "film.nrrd"))
    assert "4 axes" in refusal(tmp_path / "film.nrrd")


def test_any_film_fills_the_square_by_means_of_its_area() -> None:
    """The oracle cuts every pixel into equal parts, so many that the square's pixels hold whole ones."""
    film = np.random.default_rng(3).random((10, 7)).astype(np.float32)
    square = np.zeros((10, 10), np.float32)
    square[:, 1:8] = film
    parts = np.repeat(np.repeat(square, 4, 0), 4, 1)
    assert Frame(10, 7, 4).shrunk(film) == pytest.approx(parts.reshape(4, 10, 4, 10).mean((1, 3)), abs=1e-6)
    mask = np.zeros((4, 4), bool)
    mask[1, 0], mask[3, 3] = True, True
    back = Frame(10, 7, 4).enlarged(mask)
    # A pixel of the square is 2.5 of the film's, whose column 0 is the square's second. Its column 1 is centred at 2.5,
    # where the square's column 1 begins; so is row 2.
    assert np.argwhere(back).tolist() == [[2, 0], [3, 0], [4, 0], [7, 6], [8, 6], [9, 6]]


def test_a_placement_is_where_the_grid_says() -> None:
    placement = placement_on(Grid((8, 6, 1), CORONAL), "a")
    assert not placement.is_picture
    assert (placement.rows, placement.columns, placement.rows_turned, placement.columns_turned) == (1, 0, False, False)
