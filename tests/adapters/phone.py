"""What a phone shows of blocks: headings, words, buttons in brackets, fields with what stands in them."""

from __future__ import annotations

from typing import Any

Block = dict[str, Any]


def screen(shown: list[Block]) -> str:
    """From top to bottom, without the spaces at the ends of lines."""
    lines = "\n".join(_block(block) for block in shown).split("\n")
    return "\n".join(line.rstrip() for line in lines if line.strip())


def modal(view: Block) -> str:
    """A form: its title, what stands in it, the ways out."""
    ways = [view[name]["text"] for name in ("close", "submit") if view.get(name)]
    return "\n".join((f"== {view['title']['text']} ==", screen(view["blocks"]), f"({')  ('.join(ways)})"))


def _block(block: Block) -> str:
    match block["type"]:
        case "header":
            return f"# {block['text']['text']}"
        case "section":
            return f"{block['text']['text']}  {_element(a) if (a := block.get('accessory')) else ''}"
        case "context":
            return "  ".join(_element(e) for e in block["elements"])
        case "actions":
            return " ".join(_element(e) for e in block["elements"])
        case "rich_text":
            return "".join(_element(e) for s in block["elements"] for e in s["elements"])
        case "input":
            hint = f"\n  ({block['hint']['text']})" if "hint" in block else ""
            return f"{block['label']['text']}: {_element(block['element'])}{hint}"
        case kind:
            raise AssertionError(f"no phone shows {kind}")


def _element(element: Block) -> str:
    match element["type"]:
        case "button":
            sure = f" ({element['confirm']['text']['text']})" if "confirm" in element else ""
            return f"[{element['text']['text']}{sure}]"
        case "plain_text_input":
            return f"|{element.get('initial_value', '')}|"
        case "static_select":
            first = element.get("initial_option")
            picks = ", ".join(("*" if o == first else "") + o["text"]["text"] for o in element["options"])
            return f"<{picks}>"
        case "link":
            return f"<{element['text']}>"
        case "text" | "plain_text" | "mrkdwn":
            bold = element.get("style", {}).get("bold")
            text: str = element["text"]
            return f"*{text.rstrip()}*{text[len(text.rstrip()) :]}" if bold else text
        case kind:
            raise AssertionError(f"no phone shows {kind}")
