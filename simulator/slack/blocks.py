"""What Slack refuses in blocks, wherever they stand (its documentation: Block Kit), with the words it has for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

SECTION, FIELD, HEADER, BUTTON, VALUE, ID = 3_000, 2_000, 150, 75, 2_000, 255
FIELDS = 10
IMAGE_URL, ALT_TEXT = 3_000, 2_000
ELEMENTS = {"actions": 25, "context": 10}
LABEL, HINT, PLACEHOLDER, INPUT = 2_000, 2_000, 150, 3_000
OPTIONS = {"static_select": 100, "radio_buttons": 10, "overflow": 5}
OPTION, OPTION_VALUE = 75, 150
CONFIRM = {"title": 100, "text": 300, "confirm": 30, "deny": 30}

Table = dict[str, Any]
Rule = Callable[[Table, str], Iterator[str]]


def faults(blocks: object, at: str, most: int) -> Iterator[str]:
    """What is wrong with blocks that stand at a JSON pointer. `most`: how many that surface takes."""
    if not isinstance(blocks, list):
        yield f"must provide an array [json-pointer:{at}]"
        return
    if len(blocks) > most:
        yield f"no more than {most} items allowed [json-pointer:{at}]"
    ids: set[str] = set()
    for n, block in enumerate(blocks):
        here = f"{at}/{n}"
        if not isinstance(block, dict):
            yield f"must be an object [json-pointer:{here}]"
            continue
        yield from _shaped(block, here, _BLOCKS, {"type", "block_id"})
        if (id_ := block.get("block_id")) is not None:
            yield from _short(id_, ID, f"{here}/block_id")
            if id_ in ids:
                yield f"`block_id` {id_} already exists [json-pointer:{here}/block_id]"
            ids.add(id_)


def _shaped(it: Table, at: str, kinds: dict[str, tuple[set[str], Rule]], common: set[str]) -> Iterator[str]:
    """By its type: no property that has no meaning there, then that type's own rule."""
    kind = str(it.get("type"))
    if kind not in kinds:
        yield f"unsupported type: {kind} [json-pointer:{at}/type]"
        return
    known, rule = kinds[kind]
    for name in it.keys() - known - common:
        yield f"invalid additional property: {name} [json-pointer:{at}]"
    yield from rule(it, at)


def sized(text: object, most: int, at: str, *, plain: bool = True) -> Iterator[str]:
    """A text object of so many characters. `plain`: it may not be mrkdwn."""
    if not isinstance(text, dict) or not isinstance(text.get("text"), str):
        yield f"missing required field: text [json-pointer:{at}]"
        return
    if text.get("type") not in ({"plain_text"} if plain else {"plain_text", "mrkdwn"}):
        yield f"unsupported type: {text.get('type')} [json-pointer:{at}/type]"
    if not text["text"]:
        yield f"must be more than 0 characters [json-pointer:{at}/text]"
    elif len(text["text"]) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}/text]"


def _short(words: object, most: int, at: str) -> Iterator[str]:
    if not isinstance(words, str):
        yield f"must be a string [json-pointer:{at}]"
    elif len(words) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}]"


# ---------------------------------------------------------------- blocks


def _section(block: Table, at: str) -> Iterator[str]:
    fields = block.get("fields")
    if "text" in block or not fields:
        yield from sized(block.get("text"), SECTION, f"{at}/text", plain=False)
    if len(fields or ()) > FIELDS:
        yield f"no more than {FIELDS} items allowed [json-pointer:{at}/fields]"
    for n, field in enumerate(fields or ()):
        yield from sized(field, FIELD, f"{at}/fields/{n}", plain=False)
    if "accessory" in block:
        yield from _shaped(block["accessory"], f"{at}/accessory", {**_PRESSED, **_PICTURE}, {"type"})


def _header(block: Table, at: str) -> Iterator[str]:
    yield from sized(block.get("text"), HEADER, f"{at}/text")


def _context(block: Table, at: str) -> Iterator[str]:
    for n, element in _counted(block, at):
        here = f"{at}/elements/{n}"
        if element.get("type") in {"plain_text", "mrkdwn"}:
            yield from sized(element, SECTION, here, plain=False)
        else:
            yield from _shaped(element, here, _PICTURE, {"type"})
    yield from _miscounted(block, at)


def _counted(block: Table, at: str) -> Iterator[tuple[int, Table]]:
    elements = block.get("elements")
    yield from enumerate(elements if isinstance(elements, list) else ())


def _miscounted(block: Table, at: str) -> Iterator[str]:
    elements, most = block.get("elements"), ELEMENTS[block["type"]]
    if not isinstance(elements, list) or not elements:
        yield f"missing required field: elements [json-pointer:{at}]"
    elif len(elements) > most:
        yield f"no more than {most} items allowed [json-pointer:{at}/elements]"


def _actions(block: Table, at: str) -> Iterator[str]:
    yield from _miscounted(block, at)
    seen: set[str] = set()
    for n, element in _counted(block, at):
        here = f"{at}/elements/{n}"
        yield from _shaped(element, here, _PRESSED, {"type"})
        if (action := element.get("action_id")) is not None:
            if action in seen:
                yield f"`action_id` {action} already exists [json-pointer:{here}/action_id]"
            seen.add(action)


def _input(block: Table, at: str) -> Iterator[str]:
    yield from sized(block.get("label"), LABEL, f"{at}/label")
    if "hint" in block:
        yield from sized(block["hint"], HINT, f"{at}/hint")
    if not isinstance(block.get("element"), dict):
        yield f"missing required field: element [json-pointer:{at}]"
    else:
        yield from _shaped(block["element"], f"{at}/element", _ENTERED, {"type"})


def _rich_text(block: Table, at: str) -> Iterator[str]:
    if not isinstance(block.get("elements"), list) or not block["elements"]:
        yield f"missing required field: elements [json-pointer:{at}]"
        return
    for n, section in enumerate(block["elements"]):
        yield from _rich(section, f"{at}/elements/{n}")


def _rich(section: Table, at: str) -> Iterator[str]:
    """A paragraph, or a list of them."""
    for m, element in enumerate(section.get("elements", ())):
        here = f"{at}/elements/{m}"
        if element.get("type") == "rich_text_section":
            yield from _rich(element, here)
        if element.get("type") == "text" and not element.get("text"):
            yield f"must be more than 0 characters [json-pointer:{here}/text]"
        if element.get("type") == "link" and not re.match(r"https?://", element.get("url", "")):
            yield f"invalid url [json-pointer:{here}/url]"


def _image(block: Table, at: str) -> Iterator[str]:
    url, file = block.get("image_url"), block.get("slack_file")
    if (url is None) == (file is None) or (file is not None and ("id" in file) == ("url" in file)):
        yield f"must provide exactly one source of the image [json-pointer:{at}]"
    elif url is not None and not re.match(r"https?://", url):
        yield f"downloading image failed [json-pointer:{at}/image_url]"
    elif url is not None and len(url) > IMAGE_URL:
        yield f"must be less than {IMAGE_URL + 1} characters [json-pointer:{at}/image_url]"
    if not block.get("alt_text"):
        yield f"missing required field: alt_text [json-pointer:{at}]"
    elif len(block["alt_text"]) > ALT_TEXT:
        yield f"must be less than {ALT_TEXT + 1} characters [json-pointer:{at}/alt_text]"


def _nothing(block: Table, at: str) -> Iterator[str]:
    yield from ()


# ---------------------------------------------------------------- elements


def _button(element: Table, at: str) -> Iterator[str]:
    yield from sized(element.get("text"), BUTTON, f"{at}/text")
    yield from _short(element.get("value", ""), VALUE, f"{at}/value")
    yield from _used(element, at)
    if element.get("style") not in {None, "primary", "danger"}:
        yield f"invalid style [json-pointer:{at}/style]"


def _used(element: Table, at: str) -> Iterator[str]:
    """What all controls share."""
    yield from _short(element.get("action_id", ""), ID, f"{at}/action_id")
    if (confirm := element.get("confirm")) is not None:
        for name, most in CONFIRM.items():
            yield from sized(confirm.get(name), most, f"{at}/confirm/{name}", plain=name != "text")
    if "placeholder" in element:
        yield from sized(element["placeholder"], PLACEHOLDER, f"{at}/placeholder")


def _list(element: Table, at: str) -> Iterator[str]:
    """Options to pick from."""
    yield from _used(element, at)
    options, most = element.get("options"), OPTIONS[element["type"]]
    if not isinstance(options, list):
        yield f"missing required field: options [json-pointer:{at}]"
        return
    if not options:
        yield f"no fewer than 1 items allowed [json-pointer:{at}/options]"
    if len(options) > most:
        yield f"no more than {most} items allowed [json-pointer:{at}/options]"
    for n, option in enumerate(options):
        here = f"{at}/options/{n}"
        yield from sized(option.get("text"), OPTION, f"{here}/text", plain=element["type"] != "radio_buttons")
        yield from _short(option.get("value"), OPTION_VALUE, f"{here}/value")
        if "description" in option:
            yield from sized(option["description"], OPTION, f"{here}/description")
    if "initial_option" in element and element["initial_option"] not in options:
        yield f"`initial_option` must be one of the options [json-pointer:{at}/initial_option]"


def _typed(element: Table, at: str) -> Iterator[str]:
    """A field for words."""
    yield from _used(element, at)
    least, most = element.get("min_length", 0), element.get("max_length", INPUT)
    if not 0 <= least <= INPUT:
        yield f"must be less than {INPUT + 1} [json-pointer:{at}/min_length]"
    if not 1 <= most <= INPUT:
        yield f"must be less than {INPUT + 1} [json-pointer:{at}/max_length]"
    yield from _short(element.get("initial_value", ""), min(most, INPUT), f"{at}/initial_value")


_PICTURE: dict[str, tuple[set[str], Rule]] = {"image": ({"image_url", "slack_file", "alt_text"}, _image)}
_SELECTED: dict[str, tuple[set[str], Rule]] = {
    "static_select": (
        {"action_id", "options", "initial_option", "placeholder", "confirm", "focus_on_load"},
        _list,
    ),
    "radio_buttons": ({"action_id", "options", "initial_option", "confirm", "focus_on_load"}, _list),
}
_PRESSED: dict[str, tuple[set[str], Rule]] = {
    **_SELECTED,
    "button": ({"text", "action_id", "url", "value", "style", "confirm", "accessibility_label"}, _button),
    "overflow": ({"action_id", "options", "confirm"}, _list),
}
_WORDS = {"action_id", "initial_value", "multiline", "min_length", "max_length", "placeholder"}
_ENTERED: dict[str, tuple[set[str], Rule]] = {
    **_SELECTED,
    "plain_text_input": (_WORDS | {"focus_on_load", "dispatch_action_config"}, _typed),
}
_BLOCKS: dict[str, tuple[set[str], Rule]] = {
    "section": ({"text", "fields", "accessory", "expand"}, _section),
    "header": ({"text"}, _header),
    "context": ({"elements"}, _context),
    "actions": ({"elements"}, _actions),
    "input": ({"label", "element", "hint", "optional", "dispatch_action"}, _input),
    "rich_text": ({"elements"}, _rich_text),
    "image": ({"image_url", "slack_file", "alt_text", "title"}, _image),
    "divider": (set(), _nothing),
}
