"""Files that are no BVH, recognized by their first bytes, with what to do instead."""

import re

EXPORT = "export the motion as BVH, for example with Blender (File, Export, Motion Capture)"
_MAGIC = (
    (b"Kaydara FBX Binary", "is an FBX file"),
    (b"; FBX", "is an FBX file"),
    (b"glTF", "is a GLB file"),
    (b"PXR-USDC", "is a USD file"),
    (b"#usda", "is a USD file"),
    (b"PK\x03\x04", "is a ZIP archive"),
    (b"\x1f\x8b", "is compressed with gzip"),
    (b"BLENDER", "is a Blender project"),
    (b"PathFileType", "is a TRC file"),
    (b"%PDF", "is a PDF document"),
)
_C3D = 0x50  # the second byte of every C3D file; the first one counts blocks
_GLTF, _ASF = (
    re.compile(rb'^\{.*"asset"', re.DOTALL),
    re.compile(rb"^(#[^\n]*\n)*:(version|fully-specified)", re.I),
)


def describe_other_file(head: bytes) -> str | None:
    """Recognize a file that is no BVH.

    Args:
        head: Its first bytes.

    Returns:
        What the file is and what to do, to complete a sentence that begins with its name; None if it may be
        BVH.

    """
    if not head.strip():
        return f"is empty: {EXPORT}"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return f"{kind} and not BVH: {EXPORT}"
    if _GLTF.search(head):
        return f"is a glTF file and not BVH: {EXPORT}"
    if _ASF.search(head):
        return f"is an ASF or AMC file of Acclaim and not BVH: {EXPORT}"
    if len(head) > 1 and head[1] == _C3D and not head[:1].isalpha():
        return f"is a C3D file with markers and not BVH: solve it to a skeleton, then {EXPORT}"
    if b"\0" in head:
        return f"is a binary file and not BVH: {EXPORT}"
    return None
