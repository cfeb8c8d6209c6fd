#!/usr/bin/env node
// A KMS plugin of Sigstore's protocol v1 for a PKCS#11 token: what a site would write for its own HSM.
// Key reference: <token label>/<key id>. P11_MODULE names the library; the PIN comes in P11_PIN and is on no command line.
import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [, , version, request] = process.argv;
const { initOptions, methodName, signMessage, verifySignature } = JSON.parse(request);
const [token, id] = initOptions.keyResourceID.split('/');
const directory = mkdtempSync(join(tmpdir(), 'sigstore-kms-'));

function pkcs11(...args) {
  const key = ['--module', process.env.P11_MODULE, '--token-label', token, '--id', id];
  execFileSync('pkcs11-tool', [...key, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function readPublicKey() {
  const file = join(directory, 'key');
  pkcs11('--read-object', '--type', 'pubkey', '--output-file', file);
  return createPublicKey({ key: readFileSync(file), format: 'der', type: 'spki' });
}

const methods = {
  publicKey() {
    const pem = readPublicKey().export({ type: 'spki', format: 'pem' });
    return { publicKeyPEM: Buffer.from(pem).toString('base64') };
  },
  // cosign asks for this when it verifies with the key's URI.
  verifySignature() {
    if (verifySignature.verifyOptions?.messageOptions?.digest) throw new Error('verifying a digest is not supported');
    const signature = Buffer.from(verifySignature.signature, 'base64');
    if (!verify('sha256', readFileSync(0), readPublicKey(), signature)) throw new Error('the signature is not valid');
    return {};
  },
  signMessage() {
    const given = signMessage?.signOptions?.messageOptions?.digest;
    const digest = given ? Buffer.from(given, 'base64') : createHash('sha256').update(readFileSync(0)).digest();
    const [input, output] = [join(directory, 'digest'), join(directory, 'signature')];
    writeFileSync(input, digest);
    const login = ['--login', '--pin', 'env:P11_PIN'];
    pkcs11(...login, '--sign', '-m', 'ECDSA', '--signature-format', 'openssl', '-i', input, '-o', output);
    return { signature: readFileSync(output).toString('base64') };
  },
  defaultAlgorithm: () => ({ defaultAlgorithm: 'ecdsa-p256-sha256' }),
  supportedAlgorithms: () => ({ supportedAlgorithms: ['ecdsa-p256-sha256'] }),
};

let answer;
try {
  if (version !== 'v1') throw new Error(`protocol ${version} is not supported`);
  if (!Object.hasOwn(methods, methodName)) throw new Error(`${methodName} is not supported`);
  answer = { [methodName]: methods[methodName]() };
} catch (error) {
  answer = { errorMessage: error.message };
} finally {
  rmSync(directory, { recursive: true });
}
process.stdout.write(JSON.stringify(answer));
