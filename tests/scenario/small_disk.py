"""A disk of a gateway's own that can be filled, made read-only and damaged while it is in use. Needs root."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from plant_and_cloud import Site, Skipped


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


class SmallDisk:
    """An ext4 file system of `megabytes` in a file."""

    def __init__(self, megabytes=24):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hubward-disk-"))
        image, self.path = self.folder / "image", self.folder / "disk"
        self.path.mkdir()
        with open(image, "wb") as file:
            file.truncate(megabytes * 1024 * 1024)
        made = run("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(image))
        mounted = made if made.returncode else run("mount", "-o", "loop,errors=remount-ro",
                                                   str(image), str(self.path))
        if mounted.returncode != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise Skipped("no disk of its own: " + mounted.stderr.strip().splitlines()[0])
        self.filler = self.path / "filler"

    def fill(self):
        """Leaves no block free."""
        with open(self.filler, "wb") as file:
            for size in (1024 * 1024, 64 * 1024, 4096):
                try:
                    while True:
                        file.write(b"x" * size)
                        file.flush()
                        os.fsync(file.fileno())
                except OSError:
                    pass

    def free(self):
        self.filler.unlink()

    def end_writing(self):
        """As the kernel does after an error of the medium: nothing can be written any more."""
        done = run("mount", "-o", "remount,abort", str(self.path))
        if done.returncode != 0:
            raise Skipped("the file system cannot be aborted: " + done.stderr.strip())

    def make_read_only(self, on):
        """As an administrator does it. Nobody may have a file open for writing."""
        done = run("mount", "-o", "remount," + ("ro" if on else "rw"), str(self.path))
        if done.returncode != 0:
            raise Skipped("the file system cannot be mounted anew: " + done.stderr.strip())

    def mend(self):
        """A new mount of the same medium. Nobody may use the disk."""
        run("umount", str(self.path))
        run("fsck.ext4", "-y", str(self.folder / "image"))
        run("mount", "-o", "loop,errors=remount-ro", str(self.folder / "image"), str(self.path))

    def close(self):
        run("umount", "-l", str(self.path))
        shutil.rmtree(self.folder, ignore_errors=True)


class SiteOnSmallDisk(Site):
    """Its state folder is on a small disk, `site.disk`."""

    def __init__(self, settings=None, **options):
        if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
            raise Skipped("root and mkfs.ext4 are needed")
        self.disk = SmallDisk()
        super().__init__(settings={**(settings or {}), "state_folder": str(self.disk.path / "state")},
                         **options)

    def __exit__(self, *what):
        try:
            super().__exit__(*what)
        finally:
            self.disk.close()

    @property
    def store(self):
        return self.disk.path / "state" / "outbox.db"
