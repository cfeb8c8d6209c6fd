/** Keys behind a plugin: SoftHSM for real, and programs that break the protocol in every way. */
import { generateKeyPairSync, verify } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parseBundle } from '../../../src/trust/signatures/bundle.ts';
import { signersOf } from '../../../src/trust/signatures/dsse.ts';
import { generateKeyPair, keyId, toPublicKeyPem } from '../../../src/trust/keys/public-key.ts';
import { isKeyUri, openPluginSigner, type PluginSignerOptions } from '../../../src/trust/signing/plugin-signer.ts';
import { verifySignatures } from '../../../src/trust/signatures/evaluate-signatures.ts';
import { hasSoftHsm, makeSoftHsm } from '../../helpers/softhsm.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { failure } from '../failures.ts';

const temp = useTempDir();
const DATA = Buffer.from('data to be signed');

/** Installs `sigstore-kms-fake`, a program of these lines, and says in which environment it is found. */
async function fake(script: string, extra: Readonly<Record<string, string>> = {}): Promise<PluginSignerOptions> {
  const path = temp.join('sigstore-kms-fake');
  // Without an extension, a package.json above the temporary directory would say what kind of script it is.
  await writeFile(temp.join('package.json'), '{ "type": "commonjs" }');
  await writeFile(path, `#!${process.execPath}\n${script}\n`);
  await chmod(path, 0o755);
  return { environment: { PATH: `${temp.path}:${process.env['PATH'] ?? ''}`, ...extra } };
}

/** A plugin that answers with this key, and with whatever the expression over `data` says as the signature. */
function answering(publicKeyPem: string, signature = `Buffer.alloc(64)`): string {
  return `const request = JSON.parse(process.argv[3]); const data = require('node:fs').readFileSync(0);
const crypto = require('node:crypto');
const answer = request.methodName === 'publicKey'
  ? { publicKey: { publicKeyPEM: Buffer.from(${JSON.stringify(publicKeyPem)}).toString('base64') } }
  : { signMessage: { signature: (${signature}).toString('base64') } };
process.stdout.write(JSON.stringify(answer));`;
}

describe.skipIf(!hasSoftHsm())('SoftHSM', () => {
  it('signs with a key that never leaves the token', async () => {
    const hsm = await makeSoftHsm(temp);
    const signer = await openPluginSigner(hsm.uri, { environment: hsm.environment });
    const bundle = await signer.sign(DATA);
    const verdict = verifySignatures(DATA, [bundle], { keys: [signer.publicKey], threshold: 1 });
    expect(verdict.accepted).toEqual([{ keyId: signer.keyId, algorithm: 'ecdsa-p256' }]);
    const { signature } = parseBundle(bundle).bundle.content.messageSignature;
    expect(verify('sha256', DATA, signer.publicKey, signature)).toBe(true);
    const envelope = await signer.signEnvelope({ payloadType: 'text', payload: DATA, signatures: new Map() });
    expect(signersOf(envelope, [signer.publicKey], 'x').size).toBe(1);
  });

  it('refuses with the wrong PIN and for a key that is not there, and says what the token said', async () => {
    const hsm = await makeSoftHsm(temp);
    const said: string[] = [];
    const environment = { ...hsm.environment, P11_PIN: 'wrong-pin' };
    const signer = await openPluginSigner(hsm.uri, { environment, onStderr: (text) => said.push(text) });
    await expect(signer.sign(DATA)).rejects.toThrow(failure('AuthError', 'DENIED', 'sigstore-kms-softhsm: '));
    expect(said.join('')).toContain('CKR_PIN_INCORRECT');
    const missing = openPluginSigner('softhsm://release/77', { environment: hsm.environment });
    await expect(missing).rejects.toThrow(failure('AuthError', 'DENIED', 'pkcs11-tool'));
  });
});

describe('what a plugin is told', () => {
  it('is the protocol of cosign, with the message on standard input and our passphrase kept to ourselves', async () => {
    const { publicKey, privateKey } = generateKeyPair('ecdsa-p256');
    const log = temp.join('log');
    const record = `require('node:fs').appendFileSync(${JSON.stringify(log)}, JSON.stringify([process.argv.slice(2), data.toString(), process.env.AIRGAP_PASSPHRASE ?? null, process.env.OWN]) + '\\n');`;
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const signature = `crypto.sign('sha256', data, ${JSON.stringify(pem)})`;
    const script = `${answering(toPublicKeyPem(publicKey), signature)}${record}`;
    const options = await fake(script, { AIRGAP_PASSPHRASE: 'mine', OWN: 'yours' });
    const signer = await openPluginSigner('fake://some/key?version=1', options);
    expect(signer.keyId).toBe(keyId(publicKey));
    await signer.sign(DATA);
    const lines = (await readFile(log, 'utf8')).trim().split('\n');
    const calls = lines.map((line) => JSON.parse(line) as [string[], string, null, string]);
    const initOptions = { protocolVersion: 'v1', keyResourceID: 'some/key?version=1', hashFunc: 5, rpcOptions: {} };
    expect(
      calls.map(([args, input, passphrase, own]) => [
        args[0],
        JSON.parse(args[1] ?? '') as unknown,
        input,
        passphrase,
        own,
      ]),
    ).toEqual([
      [
        'v1',
        { initOptions, methodName: 'publicKey', publicKey: { publicKeyOptions: { rpcOptions: {} } } },
        '',
        null,
        'yours',
      ],
      [
        'v1',
        {
          initOptions,
          methodName: 'signMessage',
          signMessage: { signOptions: { rpcOptions: {}, messageOptions: {} } },
        },
        DATA.toString(),
        null,
        'yours',
      ],
    ]);
  });
});

describe('a plugin that fails', () => {
  const { publicKey, privateKey } = generateKeyPair('ecdsa-p256');
  const pem = toPublicKeyPem(publicKey);

  it.each([
    [
      'another key',
      `crypto.sign('sha256', data, crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)`,
    ],
    ['other data', `crypto.sign('sha256', 'other', KEY)`],
    ['the other form of ECDSA', `crypto.sign('sha256', data, { key: KEY, dsaEncoding: 'ieee-p1363' })`],
    ['another hash', `crypto.sign('sha512', data, KEY)`],
    ['zeros', `Buffer.alloc(64)`],
    ['far too much', `Buffer.alloc(100_000)`],
  ])('is found out when its signature is by or over %s', async (_, signature) => {
    const key = JSON.stringify(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const signer = await openPluginSigner('fake://key', await fake(answering(pem, signature.replace('KEY', key))));
    await expect(signer.sign(DATA)).rejects.toThrow(failure('TrustError', 'SIGNATURE_INVALID', 'sigstore-kms-fake'));
  });

  it.each([
    ['says nothing', ``, 'ended without an answer'],
    ['is no JSON', `console.log('hello')`, 'not understood'],
    ['is an array', `console.log('[]')`, 'not understood'],
    ['is for another method', `console.log('{"signMessage":{"signature":"AAAA"}}')`, 'without a public key'],
    ['is not base64', `console.log('{"publicKey":{"publicKeyPEM":"-----"}}')`, 'not understood'],
  ])('is not believed when its answer %s', async (_, script, message) => {
    const opening = openPluginSigner('fake://key', await fake(script));
    await expect(opening).rejects.toThrow(failure('StoreError', 'STORE_IO', message));
  });

  it('may not have a key of another kind', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ type: 'spki', format: 'pem' });
    const opening = openPluginSigner('fake://key', await fake(answering(other as string)));
    await expect(opening).rejects.toThrow(failure('UsageError', 'USAGE', 'secp384r1'));
  });

  it('is heard with its own words, whatever its exit code, but for the secrets in them', async () => {
    const script = `console.error('pin ' + process.env.HSM_PIN); console.log(JSON.stringify({ errorMessage: 'tool --pin ' + process.env.HSM_PIN + ' failed' })); process.exit(0)`;
    const options = await fake(script, { HSM_PIN: '1234', KEY_KIND: 'pin', EMPTY_PIN: '' });
    const said: string[] = [];
    const opening = openPluginSigner('fake://key', { ...options, onStderr: (text) => said.push(text) });
    await expect(opening).rejects.toThrow(failure('AuthError', 'DENIED', 'sigstore-kms-fake: tool --pin *** failed'));
    expect(said.join('')).toBe('pin ***\n');
    const fine = await fake(`${answering(pem)}process.exitCode = 7;`);
    await expect(openPluginSigner('fake://key', fine)).resolves.toMatchObject({ keyId: keyId(publicKey) });
  });

  it.each([
    ['output', 'stdout'],
    ['errors', 'stderr'],
  ])('cannot fill the memory with %s', async (_, stream) => {
    const options = await fake(`setInterval(() => process.${stream}.write('x'.repeat(1 << 16)), 0)`);
    await expect(openPluginSigner('fake://key', options)).rejects.toThrow(failure('StoreError', 'STORE_IO', '1048576'));
  });

  it('cannot keep us waiting, nor can what it leaves behind', async () => {
    const child = `require('node:child_process').spawn('sleep', ['1000'], { stdio: 'inherit', detached: true })`;
    const options = await fake(
      `const left = ${child}; require('node:fs').writeFileSync(${JSON.stringify(temp.join('pid'))}, String(left.pid)); left.unref();`,
    );
    let left = '';
    // On a busy machine the plugin may need longer than the first timeout to start.
    for (const timeoutMs of [500, 5_000, 50_000]) {
      const opening = openPluginSigner('fake://key', { ...options, timeoutMs });
      await expect(opening).rejects.toThrow(failure('StoreError', 'STORE_IO', `within ${timeoutMs / 1000} s`));
      left = await readFile(temp.join('pid'), 'utf8').catch(() => '');
      if (left !== '') break;
    }
    // It is still there, so that nobody can have waited for its end; a signal to a process that is gone would throw.
    process.kill(Number(left));
  });

  it('is stopped with us', async () => {
    const stop = new AbortController();
    const options = { ...(await fake(`console.error('waiting'); setInterval(() => {}, 1000)`)), signal: stop.signal };
    const opening = openPluginSigner('fake://key', { ...options, onStderr: () => stop.abort() });
    await expect(opening).rejects.toMatchObject({ name: 'AbortError' });
    await expect(openPluginSigner('fake://key', options)).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('is named when it is not there, or no program', async () => {
    const missing = failure('NotFoundError', 'NOT_FOUND', 'sigstore-kms-nowhere', 'Sigstore KMS plugin');
    await expect(openPluginSigner('nowhere://key')).rejects.toThrow(missing);
    const options = await fake('');
    await chmod(temp.join('sigstore-kms-fake'), 0o644);
    await expect(openPluginSigner('fake://key', options)).rejects.toThrow(failure('StoreError', 'STORE_IO', 'EACCES'));
  });
});

describe('key URIs', () => {
  it.each([
    '../../bin/sh://x',
    'a b://x',
    'a;id://x',
    '-a://x',
    'a-://x',
    'A://x',
    'a://',
    'a://x y',
    'a://x\n',
    'a://ü',
    `a://${'x'.repeat(1025)}`,
  ])('%s is none', async (uri) => {
    await expect(openPluginSigner(uri)).rejects.toThrow(failure('UsageError', 'USAGE', 'does not name a key'));
  });

  it.each(['pkcs11://token;pin-value=1234', 'hsm://key?pin=1234', 'hsm://password=abc'])(
    '%s is refused: everybody could read it',
    async (uri) => {
      const refusal = failure('UsageError', 'USAGE', 'holds a secret', 'environment');
      await expect(openPluginSigner(uri)).rejects.toThrow(refusal);
      await expect(openPluginSigner(uri)).rejects.not.toThrow(/1234|abc/);
    },
  );

  it('are told from files', () => {
    expect(['softhsm://a/b', 'awskms:///alias/x', 'Wrong://x'].map(isKeyUri)).toEqual([true, true, true]);
    expect(['release.key', '/a/b.key', './a:b', 'C:\\keys\\a.key', 'a:/b'].map(isKeyUri)).toEqual(Array(5).fill(false));
  });
});
