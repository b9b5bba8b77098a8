/** Opens so many connections to a port and says nothing on them; opens each again when it is closed. Says how many stand. */
import { connect } from 'node:net'

const [port, count, from] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]]
let standing = 0
let opened = 0
const open = () => {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from })
  socket.on('error', () => undefined)
  socket.once('connect', () => {
    opened++
    standing++
    socket.once('close', () => standing--)
  })
  socket.once('close', () => setTimeout(open, 200 + Math.random() * 800))
}
let begun = 0
const begin = () => {
  for (let i = 0; i < 200 && begun < count; i++, begun++) open()
  if (begun < count) setTimeout(begin, 10)
}
begin()
setInterval(() => process.send?.({ standing, opened }), 100)
