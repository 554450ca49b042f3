// Makes calls with npm's xmlrpc: calls.js URL, calls as a JSON list of lists
// on standard input. Prints the answers as JSON, one a line.
'use strict'
const xmlrpc = require('xmlrpc')

function options (text) {
  if (text.startsWith('unix:')) {
    return { socketPath: text.slice('unix:'.length), path: '/RPC2' }
  }
  const url = new URL(text)
  return {
    host: url.hostname,
    port: url.port,
    path: url.pathname,
    basic_auth: { user: url.username, pass: url.password }
  }
}

const client = xmlrpc.createClient(options(process.argv[2]))
const calls = JSON.parse(require('fs').readFileSync(0, 'utf8'))

function next () {
  if (calls.length === 0) return
  const [method, ...params] = calls.shift()
  client.methodCall(method, params, (err, value) => {
    if (err && err.faultCode !== undefined) {
      console.log(JSON.stringify({ fault: [err.faultCode, err.faultString] }))
    } else if (err) {
      console.log(JSON.stringify({ error: err.message }))
    } else {
      console.log(JSON.stringify({ value: value }))
    }
    next()
  })
}
next()
