"""The user that runs the embedded Postgres: ours, or a system user, since Postgres refuses root."""

import logging
import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from app.errors import LookalikeError

logger = logging.getLogger(__name__)

SYSTEM_USER = "pgserver"


class Switch(TypedDict, total=False):
    """The arguments of `subprocess.run` that change the user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class ServerUser:
    """The user that runs the server and owns its files; without ids, the current user."""

    uid: int | None = None
    gid: int | None = None

    @property
    def switch(self) -> Switch:
        """What `subprocess.run` needs to start a program as this user."""
        if self.uid is None or self.gid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Make a path this user's."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def may_enter(self, path: Path) -> None:
        """Let this user pass through the folders above a path.

        Root's folders are often closed to others, who get the right to pass through, not to list.
        """
        for folder in path.parents if self.uid is not None else ():
            status = folder.stat()
            own = status.st_uid == self.uid and status.st_mode & stat.S_IXUSR
            if not own and not status.st_mode & stat.S_IXOTH:
                logger.warning(
                    "letting other users pass through %s, so that Postgres can start", folder
                )
                folder.chmod(status.st_mode | stat.S_IXOTH)

    def may_run(self, program: Path, *needed: Path) -> None:
        """Let this user run a program and read the folders that it needs."""
        self.may_enter(program)
        if self.uid is None or program.stat().st_mode & stat.S_IXOTH:
            return
        for folder in needed:
            for path in (*folder.rglob("*"), folder):
                mode = path.stat().st_mode
                path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def server_user(data: Path) -> ServerUser:
    """Return the user that runs the server of a data folder.

    For root that is the folder's owner; before there is a folder, the system user `pgserver`,
    created if it is missing.

    Raises:
        LookalikeError: the folder is another user's, or the system user can't be created.
    """
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise LookalikeError(
                f"The data folder {data} belongs to user {owner.st_uid}: run this as that user, "
                "or name another folder with LOOKALIKE_HOME."
            )
        return ServerUser()
    if owner is None or (owner.st_uid == 0 and not any(data.iterdir())):
        made = _system_user()
        return ServerUser(made.pw_uid, made.pw_gid)
    if owner.st_uid == 0:
        raise LookalikeError(
            f"The data folder {data} belongs to root, and Postgres refuses to run as root: "
            f"change its owner with `chown -R {SYSTEM_USER} {data}`."
        )
    return ServerUser(owner.st_uid, owner.st_gid)


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
    try:
        subprocess.run(command, check=False, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)  # created by us, or by another process at the same time
    except (OSError, KeyError):
        raise LookalikeError(
            f"Postgres does not run as root, and its system user could not be made: "
            f"run `{' '.join(command)}`, or run this as an ordinary user."
        ) from None
