// A server for the end-to-end tests. It writes a line a request: method, path, status, microseconds.
const http = require('http');

const small = Buffer.alloc(100, 'x');
const large = Buffer.alloc(1 << 20, 'x');

function answer(request, response) {
  const path = request.url.split('?')[0];
  if (path === '/small' || path.startsWith('/form')) {
    response.setHeader('Content-Length', small.length);
    response.end(small);
  } else if (path === '/large') {
    response.setHeader('Content-Length', large.length);
    response.end(large);
  } else if (path === '/zipped') { // without a known length: in chunks
    response.write(small);
    response.end(small);
  } else {
    response.statusCode = path === '/broken' ? 500 : 404;
    response.end();
  }
}

const server = http.createServer((request, response) => {
  const start = process.hrtime.bigint();
  response.on('finish', () => {
    const took = (process.hrtime.bigint() - start) / 1000n;
    console.log(request.method, request.url.split('?')[0], response.statusCode, String(took));
  });
  request.on('end', () => answer(request, response));
  request.resume();
});
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));
