"""The page around a report's content: its frame and its look, light, dark and on paper."""

from string import Template

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1d2229; --soft: #5d6672;
  --line: #e0e4ea; --accent: #3a6fd0; --code: #f1f3f6; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2126; --ink: #e6e9ed;
  --soft: #9aa4b1; --line: #323841; --accent: #86aef5; --code: #262b32; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .35rem; letter-spacing: -.015em; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .9rem; }
h3 { font-size: 1rem; margin: 0 0 .2rem; }
p { margin: .3rem 0; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin-top: 1rem; font-size: .92rem; }
.lead, .caption { color: var(--soft); }
.caption { max-width: 48rem; font-size: .93rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr));
  gap: .8rem; margin-top: 1.6rem; }
.tile, figure, .sheet { background: var(--card); border: 1px solid var(--line);
  border-radius: .7rem; }
.tile { padding: .85rem 1rem; }
.tile .name { color: var(--soft); font-size: .84rem; }
.tile .value { font-size: 1.22rem; font-weight: 620; line-height: 1.3;
  font-variant-numeric: tabular-nums; }
figure { margin: 0 0 1.2rem; padding: 1rem 1.1rem 1.1rem; }
figure img { display: block; max-width: 100%; height: auto; margin-top: .8rem; background: #fff;
  border-radius: .35rem; }
.sheet { overflow-x: auto; margin-bottom: 1.2rem; padding: .4rem .9rem; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { text-align: left; padding: .42rem .6rem; vertical-align: top; }
tr + tr > *, thead + tbody tr > * { border-top: 1px solid var(--line); }
th { font-weight: 560; color: var(--soft); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .86rem; }
code { overflow-wrap: anywhere; }
pre { background: var(--code); border-radius: .5rem; padding: .9rem 1rem; margin: .5rem 0 1rem;
  overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.state { display: inline-block; border-radius: 1rem; padding: .05rem .65rem; font-size: .84rem;
  border: 1px solid currentColor; margin-left: .5rem; vertical-align: middle; font-weight: 500; }
.state.finished { color: #1d8a4b; } .state.failed, .state.interrupted { color: #c4453c; }
.state.running { color: #b07a12; }
@media print { body { background: #fff; font-size: 11pt; } main { padding: 0; max-width: none; }
  nav { display: none; } h2, h3 { break-after: avoid; }
  figure, .tile, .sheet { break-inside: avoid; } }
"""

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")


def page(title: str, body: str, style: str = "") -> str:
    """The whole document; title and body are HTML already, more style is appended."""
    return _PAGE.substitute(title=title, style=STYLE + style, body=body)
