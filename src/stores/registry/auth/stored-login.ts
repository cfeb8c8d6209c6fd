/** Keeps and forgets the login of a registry in the auth files that Docker and the containers tools read. */
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { acquireFileLock } from '../../../base/files/file-lock.ts';
import { makeDirectory } from '../../../base/files/make-directory.ts';
import { placeFile } from '../../../base/files/place-file.ts';
import { onDisk } from '../../../base/files/system-errors.ts';
import type { Environment } from '../../../base/http/proxy.ts';
import { UsageError } from '../../../errors.ts';
import {
  authFilePlaces,
  helperOf,
  namesHost,
  parseAuthFile,
  parseAuthJson,
  readAuthFile,
  readAuthText,
  serverOf,
  type AuthFile,
} from './auth-file.ts';
import { askHelper, eraseFromHelper, storeInHelper } from './credential-helper.ts';

/** The user name and password of a registry. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Where a login is kept. */
export interface LoginPlace {
  /** The auth file. */
  readonly path: string;
  /** The credential helper that the file names for it, `docker-credential-<helper>`; the file then holds no password. */
  readonly helper: string | undefined;
}

/** Who asks, and how long. */
export interface StoredLoginOptions {
  readonly environment: Environment;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Where the login of a registry is to be kept: `$REGISTRY_AUTH_FILE`; else the first file that is searched and knows the
 * host already, so that no older login goes before the new one; else Docker's, which the containers tools read too.
 * @throws UsageError `USAGE` when nothing can be kept there, or what is there is no auth file.
 */
export function findLoginPlace(registry: string, environment: Environment): LoginPlace {
  const { told, inline, runtime, containers, docker } = authFilePlaces(environment);
  if (told === '/dev/null') {
    throw new UsageError('USAGE', '$REGISTRY_AUTH_FILE is /dev/null, where no login can be kept', {
      hint: 'let it name a file, or unset it',
    });
  }
  if (told === undefined && inline !== undefined && knows(parseAuthFile(inline, '$DOCKER_AUTH_CONFIG'), registry)) {
    throw new UsageError('USAGE', `$DOCKER_AUTH_CONFIG holds a login for ${registry}, which goes before every file`, {
      hint: 'change it there, or unset the variable',
    });
  }
  const places = told === undefined ? [runtime, containers, docker].filter((path) => path !== undefined) : [told];
  const files = places.map((path) => ({ path, file: readAuthFile(path) ?? {} }));
  const { path, file } = files.find((each) => knows(each.file, registry)) ?? {
    path: docker,
    file: {},
    ...files.at(-1),
  };
  const store = file.credsStore ?? '';
  return { path, helper: helperOf(file, registry) ?? (store === '' ? undefined : store) };
}

/**
 * Keeps a login where {@link findLoginPlace} says, in the place of what is known there of the whole host; what the file
 * holds beside stays. The file is whole at any moment, and its owner's alone (mode 0600).
 * @throws UsageError, AuthError when a helper fails, StoreError `LOCKED`, `NO_SPACE`, `STORE_IO`
 */
export async function storeLogin(registry: string, login: Login, options: StoredLoginOptions): Promise<LoginPlace> {
  const place = findLoginPlace(registry, options.environment);
  const { helper } = place;
  await changeFile(place.path, async (file) => {
    if (helper !== undefined) {
      await storeInHelper(helper, serverOf(registry), login, options.environment, options.signal);
    }
    const others = withoutHost(file.auths ?? {}, registry);
    if (helper !== undefined && helper === helperOf(file, registry)) return others;
    const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    // An empty entry says that the file's credential store knows the host.
    return { ...others, [serverOf(registry)]: helper === undefined ? { auth } : {} };
  });
  return place;
}

/**
 * Forgets the login of a registry where {@link findLoginPlace} says; logins of single repositories stay.
 * @returns where it was, or undefined when none was kept there
 * @throws as {@link storeLogin}
 */
export async function eraseLogin(registry: string, options: StoredLoginOptions): Promise<LoginPlace | undefined> {
  const { environment, signal } = options;
  const place = findLoginPlace(registry, environment);
  const { path, helper } = place;
  const file = readAuthFile(path) ?? {};
  const isListed = Object.keys(file.auths ?? {}).some((key) => namesHost(key, registry));
  const isHelped =
    helper !== undefined && (await askHelper(helper, serverOf(registry), environment, signal)) !== undefined;
  if (helper !== undefined && isHelped) await eraseFromHelper(helper, serverOf(registry), environment, signal);
  if (isListed) await changeFile(path, async ({ auths }) => withoutHost(auths ?? {}, registry));
  return isListed || isHelped ? place : undefined;
}

/** Logins that are in the auth files. */
export interface KnownLogins {
  /** Files, and the variable, that have one for the host. */
  readonly places: readonly string[];
  /** `host/namespace…`: those for some repositories only, which go before that of the host. */
  readonly narrower: readonly string[];
}

/** What the auth files that are searched say of a registry; credential stores are not asked. */
export function findLogins(registry: string, environment: Environment): KnownLogins {
  const { told, inline, runtime, containers, docker, legacy } = authFilePlaces(environment);
  const paths = told === undefined ? [runtime, containers, docker, legacy] : [told];
  const files = paths
    .filter((path) => path !== undefined)
    .map((path) => ({ path, file: readAuthFile(path) ?? {} }))
    .concat(
      told !== undefined || inline === undefined
        ? []
        : [{ path: '$DOCKER_AUTH_CONFIG', file: parseAuthFile(inline, '$DOCKER_AUTH_CONFIG') }],
    );
  const keys = files.flatMap(({ file }) => Object.keys(file.auths ?? {}));
  return {
    places: files.filter(({ file }) => isListedIn(file, registry)).map(({ path }) => path),
    narrower: [...new Set(keys)].filter((key) => key.startsWith(`${registry}/`) && !namesHost(key, registry)).sort(),
  };
}

function isListedIn({ auths }: AuthFile, registry: string): boolean {
  return Object.keys(auths ?? {}).some((key) => namesHost(key, registry));
}

function knows(file: AuthFile, registry: string): boolean {
  return isListedIn(file, registry) || helperOf(file, registry) !== undefined;
}

type Auths = Readonly<Record<string, unknown>>;

function withoutHost(auths: Auths, registry: string): Auths {
  return Object.fromEntries(Object.entries(auths).filter(([key]) => !namesHost(key, registry)));
}

/** Replaces `auths` of a file, under a lock; a link stays one, and what it leads to is replaced. */
async function changeFile(path: string, change: (file: AuthFile) => Promise<Auths>): Promise<void> {
  await onDisk(`cannot write ${path}`, () => makeDirectory(dirname(path), { mode: 0o700 }));
  const target = await realpath(path).catch(() => path);
  await using _lock = await acquireFileLock(`${target}.airgap-lock`, path);
  const text = readAuthText(target) ?? '';
  const document = parseAuthJson(text, path);
  // As it stands: entries may hold more than is read of them here.
  const before = document['auths'] as AuthFile['auths'];
  const auths = await change({ ...parseAuthFile(text, path), auths: before });
  if (JSON.stringify(auths) === JSON.stringify(before ?? {})) return;
  await placeFile(target, `${JSON.stringify({ ...document, auths }, null, '\t')}\n`, { mode: 0o600 });
}
