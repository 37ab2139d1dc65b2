"""The table of actions: every row can be done, keys do not clash, remapping is checked, and the help says it all."""

from collections import Counter

import pytest

from softphone.config import Config
from softphone.tui.app import SCREENS, PhoneApp
from softphone.tui.calls.main_screen import MainScreen
from softphone.tui.help import SCOPES, help_text
from softphone.tui.keys.action import Action, always, shown_key
from softphone.tui.keys.actions import ACTIONS, KeysError, of_scope, remapped


def test_every_action_of_the_phone_is_done_by_a_method() -> None:
    for scope, doer in (("phone", MainScreen), ("everywhere", PhoneApp)):
        missing = [action.id for action in of_scope(scope) if not callable(getattr(doer, f"action_{action.id}", None))]
        assert not missing


def test_ids_are_unique_and_keys_do_not_clash() -> None:
    assert not [name for name, count in Counter(action.id for action in ACTIONS).items() if count > 1]
    for scope in ("phone",):
        keys = Counter(key for action in ACTIONS if action.scope in (scope, "everywhere") for key in action.keys.split(","))
        assert not [key for key, count in keys.items() if count > 1]


def test_the_letters_of_baresip_are_there() -> None:
    first = {action.id: action.key for action in ACTIONS}
    assert {first[name] for name in ("dial", "answer", "hang_up", "hold", "mute", "transfer")} == set("dabhmt")


def test_keys_are_remapped() -> None:
    table = {action.id: action for action in remapped({"dial": "ctrl+d"})}
    assert table["dial"].keys == "ctrl+d" and table["dial"].key == "^d"
    assert table["answer"].keys == "a"


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"fly": "x"}, "keys.fly: there is no such action"),
        ({"dial": "a"}, "the key a is that of"),
        ({"contacts": "h"}, "the key h is that of"),
        ({"dial": "z", "answer": "z"}, "the key z is that of"),
    ],
)
def test_a_wrong_key_is_one_sentence(keys: dict[str, str], sentence: str) -> None:
    with pytest.raises(KeysError, match=sentence):
        remapped(keys)


def test_the_same_key_may_mean_other_things_on_other_screens() -> None:
    table = [Action("one", "x", "One", "", "contacts"), Action("two", "y", "Two", "", "history")]
    assert [action.keys for action in remapped({"two": "x"}, table)] == ["x", "x"]


def test_help_names_every_action_with_its_key_as_it_is_now() -> None:
    table = remapped({"mute": "f8"})
    page = help_text(table, {"f2": "Hello."}, 100).plain
    for action in table:
        assert action.id in page
    assert {action.scope for action in table} <= set(SCOPES)
    line = next(line for line in page.splitlines() if line.endswith(" mute"))
    assert line.startswith("F8 ")
    assert "F2        Hello." in page


def test_keys_are_written_as_people_do() -> None:
    assert [shown_key(key) for key in ("question_mark", "ctrl+p", "f10", "d", "colon")] == ["?", "^p", "F10", "d", ":"]
    assert always(PhoneApp(Config(), connect=False).state)


def test_screens_that_are_loaded_late_exist() -> None:
    import importlib  # noqa: PLC0415

    for module, name in SCREENS.values():
        assert isinstance(getattr(importlib.import_module(module), name), type)
