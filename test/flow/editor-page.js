/** A page as people make them: CodeMirror with y-codemirror.next on a stock provider, which keeps its document itself. */
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { yCollab } from 'y-codemirror.next'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const { server, token, id } = Object.fromEntries(new URLSearchParams(location.search))
const doc = new Y.Doc()
const kept = localStorage.getItem('doc')
if (kept)
  Y.applyUpdate(
    doc,
    Uint8Array.from(atob(kept), (c) => c.charCodeAt(0)),
  )
doc.on('update', () => {
  localStorage.setItem('doc', btoa(String.fromCharCode(...Y.encodeStateAsUpdate(doc))))
})
const provider = new WebsocketProvider(server, 'p1', doc, { params: { token }, maxBackoffTime: 200, disableBc: true })
const show = () => {
  const text = doc.getMap('tasks').get(id)?.get('body')
  if (!text || window.view) return
  const state = EditorState.create({
    doc: text.toString(),
    extensions: [yCollab(text, provider.awareness, { undoManager: new Y.UndoManager(text) })],
  })
  window.view = new EditorView({ state, parent: document.body })
}
doc.on('update', show)
show()
window.provider = provider
