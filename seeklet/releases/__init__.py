"""Releases on S3: artifacts' folders, and the pointer that names one of them.

    prefix/current                       the pointer (handler/pointer.py)
    prefix/releases/0123456789abcdef/    one release: an artifact's folder, named by its manifest's SHA-256

    uploading.py   sends an artifact's files, manifest.json last, and then moves the pointer
    pointers.py    reads and moves the pointer, also back
    listing.py     which releases are there, and the end of old ones
    bucket.py      requests of S3
    refusals.py    S3's errors as sentences

Whatever is interrupted, the pointer names a whole release.
"""

FOLDER = "releases"
