"""Trees of data sets as they are unpacked: names, left and right views, and what lies beside them."""

from __future__ import annotations

from PIL import Image

LAYOUTS = {
    "instereo2k": [
        ("test-000001", "test/000001/left.png", "test/000001/right.png"),
        ("train-000001", "train/000001/left.png", "train/000001/right.png"),
    ],
    "cityscapes": [
        (
            "aachen_000000_000019",
            "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png",
            "rightImg8bit/train/aachen/aachen_000000_000019_rightImg8bit.png",
        ),
    ],
    "kitti-2012": [
        ("kitti2012-testing-000000_10", "testing/colored_0/000000_10.png", "testing/colored_1/000000_10.png"),
        ("kitti2012-training-000000_10", "training/colored_0/000000_10.png", "training/colored_1/000000_10.png"),
        ("kitti2012-training-000000_11", "training/colored_0/000000_11.png", "training/colored_1/000000_11.png"),
    ],
    "kitti-2015": [
        ("kitti2015-training-000000_10", "training/image_2/000000_10.png", "training/image_3/000000_10.png"),
    ],
    "middlebury": [
        ("2001-barn1", "2001/barn1/im2.ppm", "2001/barn1/im6.ppm"),
        ("2006-Aloe-Illum1-Exp0", "2006/Aloe/Illum1/Exp0/view1.png", "2006/Aloe/Illum1/Exp0/view5.png"),
        ("2014-Adirondack-perfect", "2014/Adirondack-perfect/im0.png", "2014/Adirondack-perfect/im1.png"),
    ],
    "holopix50k": [
        ("train--L5ac_x_left", "train/left/-L5ac_x_left_left.jpg", "train/right/-L5ac_x_left_right.jpg"),
        ("val--L5ac", "val/left/-L5ac_left.jpg", "val/right/-L5ac_right.jpg"),
    ],
    "flickr1024": [
        ("Test-0001", "Test/0001_L.png", "Test/0001_R.png"),
        ("Train-0001", "Train/0001_L.png", "Train/0001_R.png"),
    ],
    "sceneflow": [
        (
            "Driving-frames_cleanpass-15mm_focallength-fast-0001",
            "Driving/frames_cleanpass/15mm_focallength/fast/left/0001.png",
            "Driving/frames_cleanpass/15mm_focallength/fast/right/0001.png",
        ),
        (
            "frames_finalpass-TRAIN-A-0000-0006",
            "frames_finalpass/TRAIN/A/0000/left/0006.webp",
            "frames_finalpass/TRAIN/A/0000/right/0006.webp",
        ),
        (
            "monkaa-frames_cleanpass-eating_x2-0000",
            "monkaa/frames_cleanpass/eating_x2/left/0000.png",
            "monkaa/frames_cleanpass/eating_x2/right/0000.png",
        ),
    ],
    "euroc": [
        (
            "euroc-MH_01_easy-1403636579763555584",
            "MH_01_easy/mav0/cam0/data/1403636579763555584.png",
            "MH_01_easy/mav0/cam1/data/1403636579763555584.png",
        ),
    ],
    "kitti-raw": [
        (
            f"kittiraw-2011_09_26_drive_0001_sync-{left}-0000000000",
            f"2011_09_26/2011_09_26_drive_0001_sync/{left}/data/0000000000.png",
            f"2011_09_26/2011_09_26_drive_0001_sync/{right}/data/0000000000.png",
        )
        for left, right in (("image_00", "image_01"), ("image_02", "image_03"))
    ],
    "kitti-tracking": [
        (
            "kittitracking-training-0003-000000",
            "training/image_02/0003/000000.png",
            "training/image_03/0003/000000.png",
        ),
    ],
    "wildtrack": [
        ("wildtrack-00000005", "images/C1/00000005.png", "images/C4/00000005.png"),
    ],
    "zed": [
        ("000000", "left000000.png", "right000000.png"),
        ("second-000017", "second/left000017.png", "second/right000017.png"),
    ],
}


BESIDE = {
    "instereo2k": ["train/000001/left_disp.png"],
    "cityscapes": ["camera/train/aachen/aachen_000000_000019_camera.json"],
    "kitti-2012": ["training/image_0/000000_10.png", "training/disp_occ/000000_10.png"],
    "kitti-2015": ["training/disp_occ_0/000000_10.png"],
    "middlebury": ["2001/barn1/im0.ppm", "2001/barn1/im1.ppm", "2014/Adirondack-perfect/im1E.png"],
    "flickr1024": ["Other/CONCERT_R.png", "Other/tall_l.png"],
    "sceneflow": ["disparity_occlusions/left/0.png", "disparity_occlusions/right/0.png"],
    "euroc": ["MH_01_easy/mav0/cam0/sensor.png"],
    "kitti-tracking": ["testing/image_02/0000/000000.png"],
    "wildtrack": [f"images/C{camera}/00000005.png" for camera in (2, 3, 5, 6, 7)],
    "zed": ["second/000017.png", "depth000000.png"],
}


def draw(path, shade=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), (shade, shade, shade)).save(path)


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder
