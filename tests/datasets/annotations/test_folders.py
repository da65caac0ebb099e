import pytest

from chexnomaly.datasets.annotations.folders import find_file, scan_images, source_name
from chexnomaly.errors import UnsafePathError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_images_are_listed_in_the_order_of_their_names(tmp_path):
    for name in ("b.PNG", "a.dcm", "c.txt", ".d.png"):
        touch(tmp_path / "images" / name)
    (tmp_path / "images" / "folder.png").mkdir()
    images, refusals = scan_images(tmp_path, "images")
    assert list(images) == ["a", "b"] and not refusals
    assert list(scan_images(tmp_path, "images", stem=False)[0]) == ["a.dcm", "b.PNG"]


def test_an_absent_folder_is_empty(tmp_path):
    assert scan_images(tmp_path, "images") == ({}, [])


def test_a_link_inside_the_folder_is_followed(tmp_path):
    target = touch(tmp_path / "pool" / "x.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").symlink_to(target)
    assert list(scan_images(tmp_path, "images")[0]) == ["a"]


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    target = touch(tmp_path / "elsewhere" / "x.png")
    touch(tmp_path / "root" / "images" / "b.png")
    (tmp_path / "root" / "images" / "a.png").symlink_to(target)
    images, (refusal,) = scan_images(tmp_path / "root", "images")
    assert list(images) == ["b"]
    assert refusal.error == "UnsafePathError" and refusal.file.endswith("a.png")


def test_a_sibling_folder_of_a_longer_name_is_outside(tmp_path):
    target = touch(tmp_path / "root_of_others" / "x.png")
    (tmp_path / "root" / "images").mkdir(parents=True)
    (tmp_path / "root" / "images" / "a.png").symlink_to(target)
    assert scan_images(tmp_path / "root", "images")[0] == {}


def test_an_image_folder_that_leads_out_is_refused(tmp_path):
    touch(tmp_path / "elsewhere" / "x.png")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "images").symlink_to(tmp_path / "elsewhere")
    images, (refusal,) = scan_images(tmp_path / "root", "images")
    assert not images and refusal.error == "UnsafePathError"


def test_a_root_that_is_a_link_is_the_users_choice(tmp_path):
    touch(tmp_path / "disk" / "images" / "a.png")
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    assert list(scan_images(tmp_path / "root", "images")[0]) == ["a"]


def test_a_dangling_link_is_no_image(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").symlink_to(tmp_path / "none.png")
    assert scan_images(tmp_path, "images") == ({}, [])


def test_two_files_of_one_id_are_both_refused(tmp_path):
    for name in ("a.png", "a.dcm", "b.png"):
        touch(tmp_path / "images" / name)
    images, refusals = scan_images(tmp_path, "images")
    assert list(images) == ["b"]
    names = [refusal.file.rsplit("/", 1)[1] for refusal in refusals]
    assert names == ["a.dcm", "a.png"]


def test_a_table_that_is_a_link_out_is_refused(tmp_path):
    target = touch(tmp_path / "elsewhere.csv")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "train.csv").symlink_to(target)
    with pytest.raises(UnsafePathError):
        find_file(tmp_path / "root", ["train.csv"])


def test_the_first_file_that_exists_is_found(tmp_path):
    second = touch(tmp_path / "b.csv")
    assert find_file(tmp_path, ["a.csv", "b.csv"]) == second
    assert find_file(tmp_path, ["a.csv"]) is None


def test_a_phantom_says_so(tmp_path):
    assert source_name(tmp_path, "vindr") == "vindr"
    touch(tmp_path / "phantom.json")
    assert source_name(tmp_path, "vindr") == "phantom"
