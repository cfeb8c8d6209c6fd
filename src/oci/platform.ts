/** Operating system and architecture, in Go's names, as image-spec uses them. */
import { findMisspeltKey, parseJson } from '../base/json/parse-json.ts';
import { UsageError } from '../errors.ts';

/** @see https://github.com/opencontainers/image-spec/blob/main/image-index.md#image-index-property-descriptions */
export interface Platform {
  /** Such as `linux`. */
  readonly os: string;
  /** Such as `amd64` or `arm64`. */
  readonly architecture: string;
  /** Of the architecture, such as `v7`. */
  readonly variant?: string | undefined;
  /** Of Windows images. */
  readonly 'os.version'?: string | undefined;
}

const KNOWN_OS = ['linux', 'windows', 'darwin', 'freebsd', 'wasip1'];
const KNOWN_ARCHITECTURES = [
  '386', 'amd64', 'arm', 'arm64', 'loong64', 'mips64le', 'ppc64le', 'riscv64', 's390x', 'wasm',
]; // prettier-ignore
const VARIANT = /^v[0-9]{1,2}$/;
/** Keys of a config that say what it runs on. */
/** As much as is read of a manifest; a config is read by the same reader. */
const MAX_CONFIG_BYTES = 32 * 1024 * 1024;
const CONFIG_KEYS = ['os', 'architecture', 'variant'];
const CANONICAL = /^[a-z0-9]+\/[a-z0-9]+(\/v[0-9]{1,2})?$/;

/** Variants that mean the same as none, so that `arm64/v8` and `arm64` select the same image. */
const DEFAULT_VARIANTS: Readonly<Record<string, string>> = { arm64: 'v8', amd64: 'v1' };
/** What no variant means, where it means one. */
const IMPLIED_VARIANTS: Readonly<Record<string, string>> = { arm: 'v7' };
/** Other names of an architecture, and the variant that some of them mean. */
const ALIASES: Readonly<Record<string, readonly [string, string?]>> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  aarch64: ['arm64'],
  i386: ['386', ''],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
};
const SYSTEM_ALIASES: Readonly<Record<string, string>> = { macos: 'darwin' };

/**
 * Reads `os/architecture[/variant]`.
 * @throws UsageError `INVALID_SPEC` with the nearest known spelling.
 */
export function parsePlatform(text: string): Platform {
  const [os = '', architecture = '', variant, ...rest] = text.split('/');
  const wrong =
    rest.length > 0 ||
    !KNOWN_OS.includes(os) ||
    !KNOWN_ARCHITECTURES.includes(architecture) ||
    (variant !== undefined && !VARIANT.test(variant));
  if (wrong) {
    throw new UsageError('INVALID_SPEC', `unknown platform ${JSON.stringify(text.slice(0, 60))}`, {
      hint: `did you mean ${suggestPlatform(text)}? A platform is written os/architecture[/variant]`,
    });
  }
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

/** The canonical form: default variants dropped, so that equal platforms print alike. */
export function normalizePlatform(platform: Platform): Platform {
  const { os, architecture, variant } = platform;
  const version = platform['os.version'];
  const redundant = variant === undefined || variant === '' || DEFAULT_VARIANTS[architecture] === variant;
  return {
    os,
    architecture,
    ...(redundant ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
  };
}

/** `os/architecture[/variant]`, in canonical form. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

/**
 * Whether the text is a platform as {@link formatPlatform} writes it, whether or not its names are known here. What is
 * `unknown` is none, and neither is `multi/platform`, which archives name for what has no platform.
 */
export function isPlatformText(text: string): boolean {
  const platform = toPlatform(text);
  return (
    CANONICAL.test(text) && isRealPlatform(platform) && formatPlatform(platform) === text && text !== 'multi/platform'
  );
}

/** The inverse of {@link formatPlatform}; for text that came from it. */
export function toPlatform(text: string): Platform {
  const [os = '', architecture = '', variant] = text.split('/');
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** {@link formatPlatform}, or undefined for what runs nowhere and for names that no tool would understand. */
export function toPlatformText(platform: Platform): string | undefined {
  const text = isRealPlatform(platform) ? formatPlatform(platform) : '';
  return isPlatformText(text) ? text : undefined;
}

/**
 * The platform that the config of an image names. Nothing where it names none.
 * @throws JsonFault when it is not JSON that every tool reads alike.
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md#properties
 */
export function parseConfigPlatform(config: Uint8Array): string | undefined {
  const json = parseJson(config, { maxBytes: MAX_CONFIG_BYTES });
  const misspelt = typeof json === 'object' && json !== null ? findMisspeltKey(json, CONFIG_KEYS) : undefined;
  if (misspelt !== undefined) throw new SyntaxError(`has a key ${JSON.stringify(misspelt)}`);
  const { os, architecture, variant } = (json ?? {}) as Record<string, unknown>;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return toPlatformText({ os, architecture, ...(typeof variant === 'string' ? { variant } : {}) });
}

/**
 * Whether two platforms are one, as containerd takes them: `arm` is `arm/v7`, and other names of an architecture are the
 * ones of Go. For choosing only: what is stored keeps the words of its maker.
 * @see https://github.com/containerd/platforms/blob/main/database.go
 */
export function matchesPlatform(platform: Platform, requested: Platform): boolean {
  return keyOf(platform) === keyOf(requested);
}

/**
 * The platforms that the requested one stands for: itself where it is offered, else those that mean the same. All in the
 * form of {@link formatPlatform}.
 */
export function findPlatforms(offered: readonly string[], requested: string): readonly string[] {
  if (offered.includes(requested)) return [requested];
  return offered.filter((each) => matchesPlatform(toPlatform(each), toPlatform(requested)));
}

function keyOf({ os, architecture, variant = '' }: Platform): string {
  const system = os.toLowerCase();
  const named = architecture.toLowerCase();
  const [machine = '', own = variant.toLowerCase()] = ALIASES[named] ?? [named];
  const version = own === '' || own.startsWith('v') ? own : `v${own}`;
  const plain = version === '' ? (IMPLIED_VARIANTS[machine] ?? '') : version.replace(/\.0$/, '');
  return [SYSTEM_ALIASES[system] ?? system, machine, DEFAULT_VARIANTS[machine] === plain ? '' : plain].join('/');
}

/** Attestation manifests are marked `unknown/unknown`; anything else names a real platform. */
export function isRealPlatform(platform: Platform | undefined): platform is Platform {
  return (
    platform !== undefined && platform.os !== 'unknown' && platform.architecture !== 'unknown' && platform.os !== ''
  );
}

function suggestPlatform(text: string): string {
  const lower = text.toLowerCase();
  if (/aarch64|arm64/.test(lower)) return 'linux/arm64';
  if (/armhf|arm\/?v?7|armv7/.test(lower)) return 'linux/arm/v7';
  if (/ppc/.test(lower)) return 'linux/ppc64le';
  if (/s390/.test(lower)) return 'linux/s390x';
  if (/riscv/.test(lower)) return 'linux/riscv64';
  return 'linux/amd64';
}
