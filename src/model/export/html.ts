/** Text as HTML shows it, in elements and in attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}

/** One page of HTML that needs nothing else: no script, no address; browsers are told to run and load nothing. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}</main>
</body>
</html>
`
}

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d8dce2, #3a3f47); --soft: light-dark(#f4f6f8, #1d2126); --dim: light-dark(#5b6470, #9aa4b0) }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.7rem; margin: 0 0 .25rem }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem }
details, .card { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; background: var(--soft) }
summary { padding: .5rem .75rem; cursor: pointer }
.in { padding: 0 .75rem .75rem }
.id, .dim, dt { color: var(--dim); font-size: .85rem }
.id { font-family: ui-monospace, monospace }
.tag { border: 1px solid var(--line); border-radius: 99px; padding: 0 .5rem; font-size: .8rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .5rem 0 }
dd { margin: 0 }
pre { white-space: pre-wrap; font: .9rem/1.45 ui-monospace, monospace; margin: .5rem 0 0; padding: .75rem; background: light-dark(#fff, #121518); border-radius: 4px }
nav a { margin-right: .75rem }
`
