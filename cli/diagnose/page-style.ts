/** For a screen by day and by night, and for paper. */
export const pageStyle = `
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --faint: #595959; --line: #d0d0d0;
  --tcp-keepalive: #0b6e8f; --tcp-retransmission: #b45f06; --statement-timeout: #8e3a80; --unknown: #767676; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16181a; --faint: #a8a8a8; --line: #3c4043;
  --tcp-keepalive: #4fb3d4; --tcp-retransmission: #e39b4b; --statement-timeout: #d48ac6; --unknown: #9a9a9a; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.figures { display: flex; flex-wrap: wrap; gap: .5rem 2rem; padding: 0; margin: 1rem 0; }
.figures div { display: flex; flex-direction: column; } .figures dt { color: var(--faint); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.verdicts { list-style: none; padding: 0; } .verdicts li { border-left: .5rem solid; padding: .1rem .75rem; margin: .4rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
th, td { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th.number, td.number { text-align: right; } thead th { color: var(--faint); font-weight: 600; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; } .axis { fill: var(--faint); } .count { fill: var(--ink); }
.grid { stroke: var(--line); } .tick { stroke: var(--faint); }
.legend span { display: inline-block; margin-right: 1.25rem; }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; }
rect.tcp-keepalive { fill: var(--tcp-keepalive); } rect.tcp-retransmission { fill: var(--tcp-retransmission); }
rect.statement-timeout { fill: var(--statement-timeout); } rect.unknown { fill: var(--unknown); }
i.tcp-keepalive { background: var(--tcp-keepalive); } i.tcp-retransmission { background: var(--tcp-retransmission); }
i.statement-timeout { background: var(--statement-timeout); } i.unknown { background: var(--unknown); }
li.tcp-keepalive { border-color: var(--tcp-keepalive); } li.tcp-retransmission { border-color: var(--tcp-retransmission); }
li.statement-timeout { border-color: var(--statement-timeout); } li.unknown { border-color: var(--unknown); }
.note { border: 1px solid var(--line); padding: .5rem .75rem; }
@media print { :root { color-scheme: light; } body { margin: 0; max-width: none; font-size: 10pt; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } .scroll { overflow: visible; }
  thead { display: table-header-group; } tr, figure, li { break-inside: avoid; } h2 { break-after: avoid; } }
`;
