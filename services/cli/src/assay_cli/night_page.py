"""The report of a night as one page of HTML: no script, nothing loaded, readable in light and dark."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay_wire.public import Night, Remark

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
li { margin: .6rem 0; } .alarm b { color: #b3261e; } .warning b { color: #8a5a00; }
@media (prefers-color-scheme: dark) { .alarm b { color: #ff8a80; } .warning b { color: #ffd180; } }
table { border-collapse: collapse; } td, th { padding: .2rem 1rem .2rem 0; text-align: left; }
td + td { text-align: right; font-variant-numeric: tabular-nums; }
"""


def page(found: "Night") -> str:
    """The whole page; all that comes from the platform is escaped."""
    title = f"Night of {found.night}: {found.collection}"
    late = "<p>This night was missed, and caught up later.</p>" if found.caught_up else ""
    remarks = "".join(_remark(remark) for remark in found.remarks) or "<li>Nothing to remark.</li>"
    failures = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in found.failures.items())
    figures = "".join(
        f"<tr><td>{escape(name)}</td><td>{value:.4g}</td></tr>" for name, value in sorted(found.figures.items())
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{late}<ul>{remarks}</ul>"
        + (f"<h2>Not measured</h2><ul>{failures}</ul>" if failures else "")
        + (f"<h2>Figures</h2><table><tbody>{figures}</tbody></table>" if figures else "")
        + "</html>\n"
    )


def _remark(remark: "Remark") -> str:
    return f'<li class="{escape(remark.severity)}"><b>{escape(remark.severity)}</b> {escape(remark.sentence)}</li>'
