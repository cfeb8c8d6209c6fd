/** Rules that fetch a registry's images from another place, while everything keeps the names it has. */
import { UsageError } from '../../errors.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';

/** One rule. */
export interface MirrorRule {
  /** Registry as references name it. */
  readonly registry: string;
  /** Where its repositories are instead. */
  readonly host: string;
  /** Path there that repositories are below; empty for none. */
  readonly prefix: string;
}

/**
 * Reads `registry.example=127.0.0.1:5000/prefix`.
 * @throws UsageError `USAGE`
 */
export function parseMirror(text: string): MirrorRule {
  const [, registry, host, prefix = ''] = /^([^=/\s]+)=([^=/\s]+)(?:\/([^=\s]*[^=/\s]))?\/?$/.exec(text) ?? [];
  const places = [registry, host].map((name) => `${name ?? ''}/${prefix === '' ? '' : `${prefix}/`}x`);
  if (registry !== undefined && host !== undefined && places.every(isReference)) return { registry, host, prefix };
  throw new UsageError('USAGE', `not a mirror rule: ${text}`, {
    hint: 'write registry.example=mirror.internal:5000/prefix',
  });
}

/** The same image at its mirror, or as it was where no rule speaks of its registry. */
export function throughMirror(reference: Reference, rules: readonly MirrorRule[]): Reference {
  const rule = rules.find(({ registry }) => registry === reference.registry);
  if (rule === undefined) return reference;
  const repository = [rule.prefix, reference.repository].filter((part) => part !== '').join('/');
  return { ...reference, registry: rule.host, repository };
}

function isReference(text: string): boolean {
  try {
    return parseReference(text).registry === text.slice(0, text.indexOf('/'));
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}
