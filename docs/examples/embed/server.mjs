// An applicant tracking system in eighty lines: a page of its own origin, with a strict policy, that shows what inkling
// knows of a candidate. Needs Node.js 20 and nothing else.
//
//   INKLING_URL=http://127.0.0.1:8558 INKLING_API_KEY=ink_… node docs/examples/embed/server.mjs [CANDIDATE]
//
// `inkling demo` prints an address and a key; cand-1001 is one of its candidates.
import http from 'node:http';
import { pathToFileURL } from 'node:url';

// On the server, where the key stays: a token for one candidate, for pages of one origin, for a quarter of an hour.
export async function embedToken({ inkling, key, candidate, origin }) {
  const answer = await fetch(`${inkling}/api/v1/embed-tokens`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ candidates: [candidate], origin, seconds: 900 }),
  });
  if (!answer.ok) throw new Error(`inkling answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()).token;
}

const escape = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

const page = ({ inkling, candidate, token }) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Candidate ${escape(candidate)}</title>
<link rel="stylesheet" href="/page.css">
<script src="${inkling}/embed/inkling.js" defer></script>
<script src="/page.js" defer></script>
<main>
  <h1>Candidate ${escape(candidate)}</h1>
  <inkling-score token="${token}" candidate="${escape(candidate)}"></inkling-score>
  <inkling-timeline token="${token}" candidate="${escape(candidate)}" limit="20"></inkling-timeline>
</main>
</html>`;

// In the browser: a token has run out, so the page asks its own server for another.
const script = `
let fresh;
document.addEventListener('inkling-token-expired', async (event) => {
  fresh ??= fetch('/embed-token').then((answer) => (answer.ok ? answer.text() : '')).finally(() => (fresh = undefined));
  const token = await fresh;
  if (token) event.target.token = token;
});
`;

const style = `
:root { color-scheme: light dark; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; display: grid; gap: 1rem; }
inkling-score { --inkling-radius: 4px; }
`;

export function serve(options) {
  const { inkling, candidate, port = 0 } = options;
  const server = http.createServer(async (request, response) => {
    const answer = (status, type, body) => response.writeHead(status, {
      'Content-Type': `${type}; charset=utf-8`,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Content-Security-Policy': `default-src 'none'; script-src 'self' ${inkling}; connect-src 'self' ${inkling}; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`,
    }).end(body);
    try {
      // A real system asks here who is signed in, and whether they may see this candidate.
      const token = () => embedToken({ ...options, origin: `http://127.0.0.1:${server.address().port}` });
      if (request.url === '/') answer(200, 'text/html', page({ inkling, candidate, token: await token() }));
      else if (request.url === '/embed-token') answer(200, 'text/plain', await token());
      else if (request.url === '/page.js') answer(200, 'text/javascript', script);
      else if (request.url === '/page.css') answer(200, 'text/css', style);
      else if (request.url === '/favicon.ico') answer(204, 'text/plain', '');
      else answer(404, 'text/plain', 'Not found');
    } catch (error) {
      console.error(error.message);
      answer(502, 'text/plain', 'inkling did not give a token');
    }
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { INKLING_URL: inkling = 'http://127.0.0.1:8558', INKLING_API_KEY: key, PORT: port = 8559 } = process.env;
  if (!key) throw new Error('INKLING_API_KEY must hold an API key of the role embed, write or admin');
  const server = await serve({ inkling, key, candidate: process.argv[2] ?? 'cand-1001', port: Number(port) });
  console.log(`http://127.0.0.1:${server.address().port}/`);
}
