import numpy as np
import pandas as pd
from PIL import Image

from benchmark.imaging.cropping.cohort import crop_cohort
from benchmark.imaging.cropping.preview import write_preview
from benchmark.imaging.planes import nine_planes

from .scan_files import image, save, voxels


def test_the_sheet_shows_the_planes_of_the_crops(tmp_path):
    save(image(voxels((60, 60, 60)), (1.0, 1.0, 1.0), (0, 0, 0)), tmp_path / "a.nii.gz")
    table = pd.DataFrame(
        {"pid": ["α<b>", "2", "3"], "nodule_id": "1", "image_path": "a.nii.gz", "coordX": [30.0, 99, 28],
         "coordY": 30.0, "coordZ": 30.0}
    )  # fmt: skip
    store = crop_cohort(table, tmp_path, tmp_path / "s")
    assert write_preview(store, 5, tmp_path / "p.png") == 2
    sheet = np.asarray(Image.open(tmp_path / "p.png"))
    planes = nine_planes(store.crops([2])[0], size=160)
    # row 2 is the second one shown; a row takes 160 pixels, a gap of 4 and a label of 14, under a title of 14
    top, left = 14 + 178 + 14, 4 + 164 * 3
    tile = sheet[top : top + 160, left : left + 160]
    assert np.abs(tile - planes[3].clip(0, 1) * 255).max() <= 0.51


def test_a_store_without_crops_gives_an_empty_sheet(tmp_path):
    table = pd.DataFrame(
        {"pid": ["1"], "nodule_id": "1", "image_path": "a.nii.gz", "coordX": 0.0, "coordY": 0.0, "coordZ": 0.0}
    )
    store = crop_cohort(table, tmp_path, tmp_path / "s")
    assert write_preview(store, 3, tmp_path / "p.png") == 0
    assert (tmp_path / "p.png").is_file()
