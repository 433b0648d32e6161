import t from 'tap'
import { bodyOf, rawRequest, serve, statusOf, TASK } from './serve.ts'

t.test('what is not HTTP, or not for this host, is refused on the raw socket', async (t) => {
  const { server } = await serve(t)
  const { port } = server
  const host = `Host: 127.0.0.1:${port}`
  const close = 'Connection: close'
  const cases: [string, string[], number, string][] = [
    ['a foreign host', ['GET /livez HTTP/1.1', 'Host: evil.example'], 403, 'HOST_HEADER_REFUSED'],
    ['another port', ['GET /livez HTTP/1.1', 'Host: localhost:1'], 403, 'HOST_HEADER_REFUSED'],
    ['no port', ['GET /livez HTTP/1.1', 'Host: localhost'], 403, 'HOST_HEADER_REFUSED'],
    ['two hosts', ['GET /livez HTTP/1.1', host, 'Host: evil'], 403, 'HOST_HEADER_REFUSED'],
    ['HTTP/1.0 without a host', ['GET /livez HTTP/1.0'], 403, 'HOST_HEADER_REFUSED'],
    [
      'a foreign origin',
      ['GET /livez HTTP/1.1', host, 'Origin: http://evil.example'],
      403,
      'ORIGIN_REFUSED',
    ],
    ['a null origin', ['GET /livez HTTP/1.1', host, 'Origin: null'], 403, 'ORIGIN_REFUSED'],
    [
      'an https origin',
      ['GET /livez HTTP/1.1', host, `Origin: https://localhost:${port}`],
      403,
      'ORIGIN_REFUSED',
    ],
    [
      'a foreign host on an unknown path',
      ['GET /%zz HTTP/1.1', 'Host: evil.example'],
      403,
      'HOST_HEADER_REFUSED',
    ],
    [
      'an unknown transfer encoding',
      [`POST ${TASK} HTTP/1.1`, host, 'Transfer-Encoding: xchunked', close],
      400,
      'HTTP_BODY_INVALID',
    ],
    [
      'a body on GET',
      ['GET /livez HTTP/1.1', host, 'Content-Length: 2', close, '', '{}'],
      400,
      'HTTP_BODY_INVALID',
    ],
    ['noise', ['\u0001\u0002 what'], 400, 'HTTP_MALFORMED'],
    ['no host at all', ['GET /livez HTTP/1.1'], 400, ''],
    [
      'two lengths',
      [`POST ${TASK} HTTP/1.1`, host, 'Content-Length: 2', 'Content-Length: 3'],
      400,
      'HTTP_MALFORMED',
    ],
    [
      'length and chunks',
      [`POST ${TASK} HTTP/1.1`, host, 'Content-Length: 2', 'Transfer-Encoding: chunked'],
      400,
      'HTTP_MALFORMED',
    ],
    [
      'a space before the colon',
      ['GET /livez HTTP/1.1', `Host : localhost`],
      400,
      'HTTP_MALFORMED',
    ],
    [
      'long headers',
      ['GET /livez HTTP/1.1', host, `X-Long: ${'x'.repeat(20_000)}`],
      431,
      'HTTP_HEADERS_TOO_LARGE',
    ],
  ]
  for (const [name, lines, status, code] of cases) {
    const answered = await rawRequest(t, port, lines)
    t.equal(statusOf(answered), status, name)
    if (code !== '') t.equal(bodyOf(answered)['code'], code, name)
  }
  for (const own of ['127.0.0.1', 'localhost', '[::1]']) {
    const answered = await rawRequest(t, port, [
      'GET /livez HTTP/1.1',
      `Host: ${own}:${port}`,
      `Origin: http://${own}:${port}`,
      close,
    ])
    t.equal(statusOf(answered), 200, own)
  }
})
