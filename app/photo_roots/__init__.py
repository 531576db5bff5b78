"""Where the photos lie: a folder, or a storage that is reached by a URL."""

from app.photo_roots.folder import Folder
from app.photo_roots.opening import is_url, open_root, open_url
from app.photo_roots.remote import Remote
from app.photo_roots.root import MissingPhotoError, PhotoRoot

__all__ = ["Folder", "MissingPhotoError", "PhotoRoot", "Remote", "is_url", "open_root", "open_url"]
