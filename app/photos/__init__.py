"""Where the photos lie: a folder, or a storage that is reached by a URL."""

from app.photos.errors import MissingPhotoError
from app.photos.folder import Folder
from app.photos.opening import is_url, open_root, open_url
from app.photos.remote import Remote
from app.photos.root import PhotoRoot

__all__ = ["Folder", "MissingPhotoError", "PhotoRoot", "Remote", "is_url", "open_root", "open_url"]
