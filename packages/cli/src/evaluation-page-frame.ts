// What is the same on every evaluation page: its looks and its filter. Colours have at least 4.5:1 (text) and 3:1 (bars) on their ground.

export const PAGE_STYLE = `
:root { color-scheme: light dark; --ground: #ffffff; --text: #1f2328; --soft: #59636e; --line: #818b98; --panel: #f6f8fa;
  --automatic: #1a7f37; --while-unloaded: #0f766e; --no-code: #0969da; --with-hook: #9a6700; --refused: #cf222e; --not-built: #7d8590; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1117; --text: #e6edf3; --soft: #9da7b3; --line: #6e7681; --panel: #161b22;
  --automatic: #3fb950; --while-unloaded: #2dd4bf; --no-code: #58a6ff; --with-hook: #d29922; --refused: #ff7b72; --not-built: #7d8590; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
.lead { font-size: 1.25rem; } .lead strong { font-size: 2.5rem; }
.soft, caption { color: var(--soft); }
svg { display: block; overflow: hidden; } svg text { fill: var(--soft); font-size: 14px; } svg .label { fill: var(--text); font-weight: 600; }
.automatic { fill: var(--automatic); --own: var(--automatic); } .no-code { fill: var(--no-code); --own: var(--no-code); }
.while-unloaded { fill: var(--while-unloaded); --own: var(--while-unloaded); }
.with-hook { fill: var(--with-hook); --own: var(--with-hook); } .refused { fill: var(--refused); --own: var(--refused); }
.not-built { fill: var(--not-built); --own: var(--not-built); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; list-style: none; }
.legend span { display: inline-block; width: .8em; height: .8em; margin-right: .4em; background: var(--own); }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { background: var(--panel); } td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.verdict { border-left: 4px solid var(--own); } td ul { margin: 0; padding-left: 1rem; }
.filter { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; } .filter[hidden] { display: none; }
label { display: block; } input, select { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line); padding: .4rem; }
:focus-visible { outline: 3px solid var(--no-code); outline-offset: 2px; }
@media (max-width: 45rem) { #units thead { position: absolute; left: -100rem; } #units tbody tr { display: block; padding: .5rem 0; }
  #units tbody tr[hidden] { display: none; } #units td, #units tbody th { display: block; border-bottom: 0; padding: .1rem .5rem; }
  #units tbody tr { border-bottom: 1px solid var(--line); } }
`;

/** Shows the filter, which is of no use without it, and hides the rows that do not match. */
export const PAGE_SCRIPT = `
const form = document.getElementById('filter');
const rows = [...document.querySelectorAll('#units tbody tr')];
const texts = rows.map((row) => row.textContent.toLowerCase());
const filter = () => {
  const text = form.elements.text.value.trim().toLowerCase();
  const verdict = form.elements.verdict.value;
  let shown = 0;
  rows.forEach((row, index) => {
    row.hidden = !(texts[index].includes(text) && (verdict === '' || row.dataset.verdict === verdict));
    if (!row.hidden) shown += 1;
  });
  document.getElementById('shown').textContent = shown + ' of ' + rows.length + ' units shown';
};
form.hidden = false;
form.addEventListener('input', filter);
form.addEventListener('submit', (event) => event.preventDefault());
filter();
`;
