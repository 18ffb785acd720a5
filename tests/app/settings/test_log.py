"""`[log]`: keys from a file or the environment, which bear the log's name, and are in no message."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import LogSettings, parse
from app.settings.errors import SettingsError
from projections.proofs.note import COSIGNATURE, generate

ORIGIN = "log.example/one"
SIGNER, OLD, WITNESS = generate(ORIGIN), generate(ORIGIN), generate("witness.example", COSIGNATURE)


def log(**settings: object) -> str:
    given = {"origin": ORIGIN, "key": SIGNER.text()} | settings
    return "[log]\n" + "".join(
        f"{name} = {str(value).replace(chr(39), chr(34))!s}\n" if isinstance(value, list) else f'{name} = "{value}"\n'
        for name, value in given.items()
    )


def loaded(text: str, **environ: str) -> LogSettings:
    settings = parse(text, environ=environ).log
    assert settings is not None
    return settings


def test_a_key_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    (tmp_path / "log.key").write_text(SIGNER.text() + "\n")
    for text, environ in (
        (log(key=f"file:{tmp_path / 'log.key'}"), {}),
        (log(key="env:LOG_KEY"), {"LOG_KEY": SIGNER.text()}),
        (log(), {}),
    ):
        keys = loaded(text, **environ).keys()
        assert [signer.verifier for signer in keys.signers] == [SIGNER.verifier]


def test_keys_that_sign_too_that_have_signed_and_of_witnesses() -> None:
    before = generate("before.example", COSIGNATURE).verifier
    more = {
        "retired_keys": [str(OLD.verifier), f"{OLD.verifier}@100"],
        "witnesses": [str(WITNESS.verifier)],
        "retired_witnesses": [str(before)],
    }
    keys = loaded(log(previous_key=OLD.text(), **more)).keys()
    assert [signer.verifier for signer in keys.signers] == [SIGNER.verifier, OLD.verifier]
    assert keys.own[:3] == (SIGNER.verifier, OLD.verifier, OLD.verifier)
    assert [each.size_max for each in keys.own] == [None, None, None, 100]
    assert keys.witnesses == (WITNESS.verifier,)
    assert keys.known == (*keys.own, WITNESS.verifier, before)


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (log(origin="a name"), "log.origin", "without spaces"),
        (log(origin="log.example/two"), "log.key", "be named log.example/two"),
        (log(key="nonsense"), "log.key", "must start with PRIVATE+KEY+"),
        (log(key=""), "log.key", "must start with PRIVATE+KEY+"),
        (log(key=str(SIGNER.verifier)), "log.key", "must start with"),
        (log(key=WITNESS.text()), "log.key", "must be of type Ed25519"),
        (log(previous_key=WITNESS.text()), "log.previous_key", "must be of type Ed25519"),
        (log(retired_keys=["x"]), "log.retired_keys[0]", "the form name+id+key"),
        (log(retired_keys=[str(WITNESS.verifier)]), "log.retired_keys[0]", "must be of type Ed25519"),
        (log(witnesses=[str(SIGNER.verifier)]), "log.witnesses[0]", "cosignature/v1"),
        (log(retired_witnesses=[str(SIGNER.verifier)]), "log.retired_witnesses[0]", "cosignature/v1"),
        (log(key="env:NOT_SET"), "log.key", "not set"),
        (log(key="file:/nowhere/log.key"), "log.key", "cannot be read"),
    ],
)
def test_what_does_not_fit_is_told_by_its_name(text: str, key: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(text, environ={})
    assert refused.value.key == key
    assert said in str(refused.value)
    for signer in (SIGNER, OLD, WITNESS):
        assert signer.text().split("+", 4)[4] not in str(refused.value)


def test_no_key_is_in_a_repr() -> None:
    assert SIGNER.text() not in repr(parse(log(), environ={}))


def test_the_file_of_the_checkpoint_is_beside_the_data_unless_it_is_named(tmp_path: Path) -> None:
    store = f'[store]\nurl = "sqlite:///{tmp_path}/r.db"\n'
    assert parse(store + log()).checkpoint_path == tmp_path / "r.db.checkpoint"
    assert parse('[store]\nurl = "postgresql://u@h/d"\n' + log()).checkpoint_path == Path("data/log.checkpoint")
    assert parse(store + log(checkpoint="/elsewhere/c")).checkpoint_path == Path("/elsewhere/c")
