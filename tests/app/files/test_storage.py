"""The storage contract on both engines: a folder, and a bucket of a server that speaks S3."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from moto.server import ThreadedMotoServer

from app.faults import StorageUnavailable
from app.files.local import LocalStorage
from app.files.opening import open_storage
from app.files.s3 import S3Storage
from app.files.storage import Details, Storage
from app.files.sweep import ORPHAN_SECONDS, FileSweep
from app.settings.shape import FilesSettings
from app.wire.file_ref import FileRef
from tests.support.files.uploads import get, pdf_of, upload, upload_form, uploaded
from tests.support.gateway.gateway import ACCOUNT, running

ONE, TWO = "file-" + "1" * 32, "file-" + "2" * 32
DETAILS = Details("Überblick & mehr.pdf", "application/pdf")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server that speaks S3."""
    served = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    yield f"http://{host}:{port}"
    served.stop()


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """`s3(url)`: the storage of that address; a bucket of the test's own is there."""
    for name, value in (
        ("AWS_ENDPOINT_URL", server),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_CONFIG_FILE", "none"),
        ("AWS_SHARED_CREDENTIALS_FILE", "none"),
    ):
        monkeypatch.setenv(name, value)

    def opened(url: str) -> Any:
        storage = open_storage(FilesSettings(url=url))
        request.addfinalizer(storage.close)
        return storage

    return opened


@pytest.fixture(params=["folder", "s3", "s3 with a prefix"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, s3: Callable[[str], Any]) -> Storage:
    if request.param == "folder":
        return open_storage(FilesSettings(url=f"file:///{tmp_path}/deep/files"))
    bucket = f"bucket-{time.time_ns()}"
    made: S3Storage = s3(f"s3://{bucket}" + ("/a/prefix/" if "prefix" in request.param else ""))
    made._connected().create_bucket(Bucket=bucket)
    return made


def put(storage: Storage, file_id: str, content: bytes) -> None:
    spool = storage.spool()
    try:
        spool.write(content[:10])
        spool.write(content[10:])
        storage.keep(spool, file_id, DETAILS)
    finally:
        spool.discard()


def read(storage: Storage, file_id: str) -> bytes:
    content = storage.open(file_id)
    assert content is not None
    parts = []
    while part := content.read(100_000):
        parts.append(part)
    content.close()
    whole = b"".join(parts)
    assert content.size == len(whole)
    return whole


def listed(storage: Storage) -> set[str]:
    return {entry.file_id for page in storage.entries() for entry in page}


def test_what_is_kept_is_read_as_it_was(storage: Storage) -> None:
    content = bytes(range(256)) * 5000
    put(storage, ONE, content)
    put(storage, TWO, b"x" * 11)
    assert read(storage, ONE) == content
    assert read(storage, TWO) == b"x" * 11
    assert storage.details(ONE) == storage.details(TWO) == DETAILS
    assert listed(storage) == {ONE, TWO}


def test_an_entry_says_when_it_was_put_there(storage: Storage) -> None:
    before = time.time()
    put(storage, ONE, b"0" * 20)
    moments = [entry.modified_at for page in storage.entries() for entry in page]
    assert all(before - 2 <= moment <= time.time() + 2 for moment in moments)


def test_a_missing_file_is_none(storage: Storage) -> None:
    assert listed(storage) == set()
    assert storage.open(ONE) is None
    assert storage.details(ONE) is None
    storage.delete(ONE)


def test_what_is_deleted_is_gone_and_deleting_it_again_is_nothing(storage: Storage) -> None:
    put(storage, ONE, b"0" * 20)
    put(storage, TWO, b"0" * 20)
    for _ in range(2):
        storage.delete(ONE)
        assert storage.open(ONE) is None
        assert storage.details(ONE) is None
        assert listed(storage) == {TWO}


def test_a_spool_that_is_discarded_leaves_nothing(storage: Storage) -> None:
    spool = storage.spool()
    spool.write(b"0" * 100)
    spool.discard()
    spool.discard()
    assert listed(storage) == set()
    assert storage.tidy(time.time() + 60) == 0


def test_a_long_list_comes_in_pages(storage: Storage) -> None:
    ids = {f"file-{number:032x}" for number in range(60)}
    for file_id in ids:
        put(storage, file_id, b"0" * 20)
    assert listed(storage) == ids


def test_the_folder_keeps_spools_that_a_crash_has_left_until_they_are_tidied(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    left = storage.spool()
    left.write(b"half an upload")
    assert listed(storage) == set()
    assert storage.tidy(time.time() - 60) == 0
    assert storage.tidy(time.time() + 60) == 1
    assert list(tmp_path.iterdir()) == []
    left.discard()


def test_details_without_their_content_are_an_entry_for_the_sweep(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    put(storage, ONE, b"0" * 20)
    (tmp_path / ONE).unlink()
    (tmp_path / "README").write_text("not ours")
    assert listed(storage) == {ONE}
    storage.delete(ONE)
    assert [each.name for each in tmp_path.iterdir()] == ["README"]


def test_details_that_cannot_be_read_are_no_details(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    (tmp_path / f"{ONE}.json").write_text("{")
    with pytest.raises(StorageUnavailable, match="details"):
        storage.details(ONE)


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable, match="folder"):
        LocalStorage(tmp_path / "file" / "below").spool()


def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    spool = LocalStorage(tmp_path).spool()
    real = spool.file

    def full(_data: bytes) -> int:
        raise OSError(28, "No space left on device")

    spool.file = SimpleNamespace(write=full)  # type: ignore[assignment]
    with pytest.raises(StorageUnavailable, match="No space left"):
        spool.write(b"0")
    spool.file = real
    spool.discard()


def test_a_missing_bucket_is_reported(s3: Callable[[str], Any]) -> None:
    storage: S3Storage = s3("s3://nothing-here/p")
    with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
        put(storage, ONE, b"0" * 20)
    with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
        listed(storage)


def test_an_unreachable_server_is_reported(s3: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("app.files.s3.ATTEMPTS", 1)
    storage: S3Storage = s3("s3://bucket/p")
    for ask in (storage.details, storage.open, storage.delete):
        with pytest.raises(StorageUnavailable, match="S3: EndpointConnectionError"):
            ask(ONE)


def test_objects_of_others_under_the_prefix_are_left_alone(s3: Callable[[str], Any]) -> None:
    bucket = f"bucket-{time.time_ns()}"
    storage: S3Storage = s3(f"s3://{bucket}/p")
    client = storage._connected()
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="p/backup.tar", Body=b"")
    client.put_object(Bucket=bucket, Key=ONE, Body=b"outside of the prefix")
    assert listed(storage) == set()
    client.put_object(Bucket=bucket, Key=f"p/{ONE}", Body=b"without details")
    assert listed(storage) == {ONE}
    with pytest.raises(StorageUnavailable, match="details"):
        storage.details(ONE)


def test_the_client_of_s3_is_not_loaded_for_a_folder() -> None:
    import subprocess
    import sys

    code = "import sys, app.services; print('botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "False"


async def test_a_gateway_over_s3(tmp_path: Path, s3: Callable[[str], Any]) -> None:
    bucket = f"bucket-{time.time_ns()}"
    client = s3(f"s3://{bucket}")._connected()
    client.create_bucket(Bucket=bucket)
    async with running(tmp_path, files={"url": f"s3://{bucket}/files"}) as gateway:
        made = await uploaded(gateway, pdf_of(3_000_000), filename="Überblick.pdf")
        refused = await upload(gateway, upload_form(b"no PDF"))
        assert refused.status_code == 400
        keys = [each["Key"] for each in client.list_objects_v2(Bucket=bucket)["Contents"]]
        assert keys == [f"files/{made['id']}"]
        gateway.services.files._names.forget(made["id"])
        assert (await get(gateway, "files")).json()["data"] == [made]
        assert (await get(gateway, f"files/{made['id']}/content")).content == pdf_of(3_000_000)
        reservation = gateway.services.instance.body_budget.reserve(0)
        found = await gateway.services.files.contents(ACCOUNT, [FileRef(made["id"], "input")], reservation)
        reservation.release()
        assert base64.b64decode(found[made["id"]].data) == pdf_of(3_000_000)
        assert (await get(gateway, f"files/{made['id']}", method="DELETE")).status_code == 200
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        client.put_object(Bucket=bucket, Key=f"files/{ONE}", Body=b"left by a crash")
        sweep = FileSweep(
            gateway.services.files,
            gateway.services.read_models,
            trio.CapacityLimiter(1),
            wall_clock=lambda: time.time() + 2 * ORPHAN_SECONDS,
        )
        assert await sweep.collect() == 1
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
