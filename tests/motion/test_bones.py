"""Bones by the names of other programs, and as users map them."""

from pathlib import Path

import pytest

from animatex_core.errors import InvalidInput
from animatex_core.motion.bone_names import JOINTS, REQUIRED, split_bone_name
from animatex_core.motion.bones import find_bones, parse_bones, read_bones
from animatex_core.motion.bvh import read_bvh
from tests.motion.skeletons import BODY, FILES, NAMES, SIDES, skeleton

STRANGE = [f"bone_{number}{'_{side}' if '{side}' in joint else ''}" for number, joint in enumerate(BODY)]
JOINTS_OF_BODY = [joint for joint in BODY if joint not in ("hips", "chest", "{side}_clavicle")]


@pytest.mark.parametrize("program", NAMES)
def test_names_of_other_programs_are_known(program: str) -> None:
    own, named = skeleton(NAMES[program]), skeleton()
    found = find_bones(own)
    for joint in JOINTS_OF_BODY:
        for side in SIDES:
            name = joint.format(side=side)
            assert found[name] == named.names.index(name), (program, name)


def test_fingers_of_mixamo_are_known() -> None:
    capture = read_bvh(FILES / "mixamo.bvh")
    found = find_bones(capture.skeleton)
    assert capture.skeleton.names[found["right_index_2"]] == "mixamorig:RightHandIndex2"
    assert len([joint for joint in found if joint.rpartition("_")[2].isdecimal()]) == 40


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("mixamorig:LeftForeArm", ("left", "forearm")),
        ("mixamorig9:RightHandIndex1", ("right", "handindex1")),
        ("DEF-upper_arm.L", ("left", "upperarm")),
        ("f_index.01.R", ("right", "findex1")),
        ("Bip01 L UpperArm", ("left", "upperarm")),
        ("Armature|thigh.L", ("left", "thigh")),
        ("lThigh", ("left", "thigh")),
        ("r_foot", ("right", "foot")),
        ("Character1_LeftUpLeg", ("left", "upleg")),
        ("LHipJoint", ("left", "hipjoint")),
        ("Hips", (None, "hips")),
        ("", (None, "")),
    ],
)
def test_sides_prefixes_and_separators_do_not_matter(name: str, parts: tuple) -> None:
    assert split_bone_name(name) == parts


def test_unknown_bones_are_named_with_what_to_do() -> None:
    with pytest.raises(InvalidInput) as error:
        find_bones(skeleton(STRANGE), source="The motion file 'x.bvh'")
    message = str(error.value)
    assert "no bone that is known as left_shoulder, right_shoulder, left_elbow" in message
    assert "bone_0" in message
    assert "--bones" in message
    assert "\n" not in message


def test_a_users_mapping_is_enough(tmp_path: Path) -> None:
    own = skeleton(STRANGE)
    lines = [
        f"{joint.format(side=side)}: bone_{number}_{side}"
        for number, joint in enumerate(BODY)
        for side in SIDES
        if joint.format(side=side) in REQUIRED
    ]
    path = tmp_path / "bones.yaml"
    path.write_text("\n".join(lines))
    found = find_bones(own, read_bones(path))
    assert {own.names[bone] for joint, bone in found.items() if joint == "left_elbow"} == {"bone_5_left"}
    assert set(found) == set(REQUIRED)


def test_a_mapping_overrides_single_bones_and_leaves_out_others() -> None:
    own = skeleton(NAMES["cmu"])
    found = find_bones(own, parse_bones('{"head": "Spine1", "left_elbow": null, "left_wrist": null}'))
    assert own.names[found["head"]] == "Spine1"
    assert "left_elbow" not in found
    assert own.names[found["right_elbow"]] == "RightForeArm"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b", "must map names of joints"),
        ("left_elbow: [1]", "must map names of joints"),
        ("{", "cannot be read"),
        ("left_elbo: x", "which is unknown: write left_elbow"),
        ("left_shoulder: null", "every body needs one"),
    ],
)
def test_wrong_mappings_are_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse_bones(text)


def test_a_mapping_to_a_bone_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(InvalidInput, match=r"no bone 'LeftElbow' for left_elbow \(its bones are Hips"):
        find_bones(skeleton(NAMES["cmu"]), {"left_elbow": "LeftElbow"})


def test_an_empty_mapping_is_none(tmp_path: Path) -> None:
    assert parse_bones("") == {}
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_bones(tmp_path / "missing.yaml")
    assert len(set(JOINTS)) == len(JOINTS)


def test_the_trunk_is_required_of_a_mapping_in_python_too() -> None:
    capture = read_bvh(FILES / "mixamo.bvh")
    with pytest.raises(InvalidInput, match="left_hip to null, but every body needs one"):
        find_bones(capture.skeleton, {"left_hip": None}, "The file")
