// Reads small request bodies.

import querystring from 'node:querystring';

const LIMIT = 64 * 1024;

export class TooLargeError extends Error {}

export async function readBody(req) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > LIMIT) throw new TooLargeError(`the request body is larger than ${LIMIT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export async function readForm(req) {
  return querystring.parse(await readBody(req));
}
