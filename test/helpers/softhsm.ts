/** A software HSM of one test: a SoftHSM2 token of its own with a P-256 key, and the plugin that signs with it. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { requireTool } from './require-tool.ts';
import { runOk } from './run.ts';
import type { TempDir } from './temp.ts';

const MODULES = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so'];
const TOKEN = 'release';
const PLUGIN = fileURLToPath(new URL('sigstore-kms-softhsm.mjs', import.meta.url));

/** A token, ready to sign. */
export interface SoftHsm {
  /** What `--key` takes. */
  readonly uri: string;
  readonly pin: string;
  /** What a process needs to find the token, the plugin and the PIN. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Whether this machine has what it takes; missing tools fail the test unless their absence is permitted. */
export function hasSoftHsm(): boolean {
  return [requireTool('softhsm2-util'), requireTool('pkcs11-tool')].every((tool) => tool !== undefined);
}

/** Makes a token below the directory. */
export async function makeSoftHsm(temp: TempDir): Promise<SoftHsm> {
  const module = MODULES.find(existsSync);
  if (module === undefined) throw new Error(`no SoftHSM library at ${MODULES.join(' or ')}`);
  const pin = '5678-secret';
  await mkdir(temp.join('tokens'));
  await mkdir(temp.join('plugins'));
  await writeFile(temp.join('softhsm2.conf'), `directories.tokendir = ${temp.join('tokens')}\nlog.level = ERROR\n`);
  await symlink(PLUGIN, temp.join('plugins', 'sigstore-kms-softhsm'));
  const environment = {
    PATH: `${temp.join('plugins')}:${process.env['PATH'] ?? ''}`,
    SOFTHSM2_CONF: temp.join('softhsm2.conf'),
    P11_MODULE: module,
    P11_PIN: pin,
  };
  const options = { env: environment };
  await runOk(
    'softhsm2-util',
    ['--init-token', '--free', '--label', TOKEN, '--so-pin', 'so-1234', '--pin', pin],
    options,
  );
  const login = ['--module', module, '--token-label', TOKEN, '--login', '--pin', 'env:P11_PIN'];
  await runOk('pkcs11-tool', [...login, '--keypairgen', '--key-type', 'EC:prime256v1', '--id', '01'], options);
  return { uri: `softhsm://${TOKEN}/01`, pin, environment };
}
