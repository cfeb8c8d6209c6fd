/**
 * Signs with a key that never leaves its KMS or HSM, through a plugin of Sigstore's protocol v1: the program
 * `sigstore-kms-<name>`, which cosign uses as well. Secrets reach it by its environment only.
 */
import { verify, type KeyObject } from 'node:crypto';
import { parseJson } from '../../base/json/parse-json.ts';
import { AuthError, StoreError, TrustError, UsageError } from '../../errors.ts';
import { KmsPluginAnswer } from './plugin-schema.ts';
import { algorithmOf, loadPublicKey } from '../keys/public-key.ts';
import { callProgram, type CallProgramOptions } from '../../base/programs/run-program.ts';
import { createSigner, type KeySigner, type KeySignerOptions, type SignBytes } from './signer.ts';

/** Time for one call: a person may have to touch the device. */
const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_REFERENCE_CHARACTERS = 1024;
const MAX_ERROR_CHARACTERS = 1000;
const MAX_SIGNATURE_BYTES = 512;
const MAX_ANSWER_BYTES = 1024 * 1024;
const KEY_URI = /^([a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?):\/\/([\x21-\x7e]+)$/;
/** The list of processes shows the URI to everybody on the machine. */
const SECRET_IN_URI = /[?&;/](pin|pin-value|pass|password|passphrase|secret)=/i;
/** Variables whose values are kept out of error messages, should a plugin put them there. */
const SECRET_VARIABLE = /PIN|PASS|SECRET|TOKEN|CREDENTIAL|KEY/i;
const MIN_SECRET_CHARACTERS = 4;
/** Ours alone: a plugin has no business with the passphrase of another key. */
const OWN_VARIABLE = 'AIRGAP_PASSPHRASE';
const PROTOCOL = 'v1';
/** SHA-256 as Go numbers its hash functions. */
const SHA256 = 5;

/** Options of {@link openPluginSigner}. */
export interface PluginSignerOptions extends KeySignerOptions {
  /** @defaultValue `process.env` */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** For each call. @defaultValue 60,000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told what the plugin says on standard error, such as that a device wants to be touched. */
  readonly onStderr?: CallProgramOptions['onStderr'];
}

/** Whether the words name a key by a plugin, `<name>://<reference>`, and not a file. */
export function isKeyUri(words: string): boolean {
  return /^[A-Za-z0-9-]+:\/\//.test(words);
}

/**
 * Asks the plugin for the public key, and makes a signer that asks it for signatures. Each signature is verified with that
 * public key before it is used.
 * @param uri `<name>://<reference>`, such as `softhsm://release/01`
 * @throws UsageError when the URI is malformed or holds a secret, or the key is of a kind we do not sign with.
 * @throws NotFoundError when there is no such plugin. @throws AuthError `DENIED` when the plugin refuses.
 * @throws StoreError `STORE_IO` when it fails, takes too long, or does not speak the protocol.
 * @see https://github.com/sigstore/sigstore/tree/main/pkg/signature/kms/cliplugin
 */
export async function openPluginSigner(uri: string, options: PluginSignerOptions = {}): Promise<KeySigner> {
  const plugin = parseKeyUri(uri);
  const { publicKey: answer } = await call(plugin, 'publicKey', new Uint8Array(), options);
  if (answer === undefined) throw offProtocol(plugin.program, 'answered without a public key');
  const publicKey = loadPublicKey(Buffer.from(answer.publicKeyPEM, 'base64').toString('utf8'), uri);
  const signBytes: SignBytes = async (data) => {
    const { signMessage } = await call(plugin, 'signMessage', data, options);
    if (signMessage === undefined) throw offProtocol(plugin.program, 'answered without a signature');
    const signature = Buffer.from(signMessage.signature, 'base64');
    if (isSignature(data, signature, publicKey)) return signature;
    throw new TrustError(
      'SIGNATURE_INVALID',
      `${plugin.program} gave a signature that the key of ${uri} did not make`,
      {
        hint: 'nothing was signed; the plugin may sign with another key or hash than its public key says',
      },
    );
  };
  return createSigner(publicKey, signBytes, options);
}

interface Plugin {
  readonly program: string;
  readonly reference: string;
}

function parseKeyUri(uri: string): Plugin {
  const [, name, reference = ''] = KEY_URI.exec(uri) ?? [];
  if (name === undefined || reference.length > MAX_REFERENCE_CHARACTERS) {
    throw new UsageError('USAGE', `${uri.slice(0, MAX_REFERENCE_CHARACTERS)} does not name a key`, {
      hint: 'write <name>://<reference>, as for cosign; the program sigstore-kms-<name> is then asked',
    });
  }
  if (SECRET_IN_URI.test(`/${reference}`)) {
    throw new UsageError(
      'USAGE',
      `the key URI of ${name}:// holds a secret, which every user of this machine could read`,
      {
        hint: 'give the secret to the plugin in its environment',
      },
    );
  }
  return { program: `sigstore-kms-${name}`, reference };
}

/** The options of each method, all of them left to the plugin. */
const METHOD_OPTIONS = {
  publicKey: { publicKeyOptions: { rpcOptions: {} } },
  signMessage: { signOptions: { rpcOptions: {}, messageOptions: {} } },
} as const;

async function call(
  { program, reference }: Plugin,
  methodName: keyof typeof METHOD_OPTIONS,
  message: Uint8Array,
  options: PluginSignerOptions,
): Promise<KmsPluginAnswer> {
  const { environment = process.env, timeoutMs = DEFAULT_TIMEOUT_MS, signal, onStderr } = options;
  const initOptions = { protocolVersion: PROTOCOL, keyResourceID: reference, hashFunc: SHA256, rpcOptions: {} };
  const request = JSON.stringify({ initOptions, methodName, [methodName]: METHOD_OPTIONS[methodName] });
  const { stdout } = await callProgram(program, [PROTOCOL, request], message, {
    environment: { ...environment, [OWN_VARIABLE]: undefined },
    timeoutMs,
    signal,
    hintWhenMissing: 'install the Sigstore KMS plugin of that name; it is the one that cosign uses',
    onStderr: (text) => onStderr?.(withoutSecrets(text, environment)),
  });
  const answer = parseAnswer(stdout, program);
  const { errorMessage = '' } = answer;
  if (errorMessage === '') return answer;
  throw new AuthError(
    'DENIED',
    `${program}: ${withoutSecrets(errorMessage, environment).slice(0, MAX_ERROR_CHARACTERS)}`,
    {
      hint: 'the plugin says so; check the key reference and the variables it needs',
    },
  );
}

function parseAnswer(output: Buffer, program: string): KmsPluginAnswer {
  try {
    return KmsPluginAnswer.parse(parseJson(output, { maxBytes: MAX_ANSWER_BYTES, reading: 'lenient' }));
  } catch (error) {
    throw offProtocol(
      program,
      output.length === 0 ? 'ended without an answer' : 'gave an answer that is not understood',
      error,
    );
  }
}

function isSignature(data: Buffer, signature: Buffer, key: KeyObject): boolean {
  if (signature.length > MAX_SIGNATURE_BYTES) return false;
  return algorithmOf(key) === 'ed25519'
    ? verify(null, data, key, signature)
    : verify('sha256', data, { key, dsaEncoding: 'der' }, signature);
}

/** Plugins put command lines into their messages, and command lines hold what should not be in them. */
function withoutSecrets(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  const secrets = Object.entries(environment)
    .filter(([name, value = '']) => SECRET_VARIABLE.test(name) && value.length >= MIN_SECRET_CHARACTERS)
    .map(([, value = '']) => value);
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}

function offProtocol(program: string, why: string, cause?: unknown): StoreError {
  return new StoreError('STORE_IO', `${program} ${why}`, {
    hint: `it must speak version ${PROTOCOL} of Sigstore's plugin protocol, as cosign 2.5 and later ask for`,
    cause,
  });
}
