/** YAML that only another program evaluates: whether Go's reader would take it, without evaluating it here. */
import { isAlias, isCollection, isMap, isNode, isPair, isScalar, type Document, type Node } from 'yaml';
import { composeYaml, refuseFaults } from './yaml-source.ts';
import type { YamlFault } from './yaml-hints.ts';

/** Aliases cost nothing here, since none is followed twice. */
const MAX_ALIASES = 1_000_000;
/** Below these Go's reader does not look at the share of aliases. */
const FEW_ALIASED = 100;
const FEW_DECODED = 1_000;

/**
 * Insists that every document of a text is a mapping or empty, and that what it refers to is there. A key may appear
 * twice, and tags may be unknown, as in Helm and kubectl.
 * @throws UsageError `INVALID_SPEC` naming file, line and column.
 * @see https://pkg.go.dev/sigs.k8s.io/yaml#Unmarshal
 */
export function assertYamlMappings(text: string, fileName: string, maxLength: number): void {
  const { documents, lines } = composeYaml(text, fileName, { merge: true, maxLength, maxAliases: MAX_ALIASES });
  refuseFaults(documents.flatMap(faultsOf), text, fileName, lines);
}

function faultsOf(document: Document.Parsed): readonly YamlFault[] {
  const { contents } = document;
  const faults: YamlFault[] = [];
  const fault = (node: Node | null, message: string): void => {
    faults.push({ offset: node?.range?.[0] ?? document.range[0], message, code: 'BAD_KEY' });
  };
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (!isMap(contents)) {
    fault(contents, 'must be a mapping of keys to values');
    return faults;
  }
  /** Values that what an anchor names stands for; infinite while they are being counted. */
  const anchors = new Map<string, number>();
  let aliased = 0;
  const count = (node: unknown): number => {
    if (!isNode(node)) return 1;
    if (isAlias(node)) {
      const size = anchors.get(node.source);
      if (size === undefined) fault(node, `no anchor ${JSON.stringify(node.source)} before it`);
      aliased += size ?? 0;
      return 1 + (size ?? 0);
    }
    if (node.anchor !== undefined) anchors.set(node.anchor, Infinity);
    let size = 1;
    for (const item of isCollection(node) ? node.items : []) {
      if (isPair(item)) {
        const { key, value } = item;
        const isText = (isScalar(key) && key.value !== null) || isAlias(key);
        if (!isText) fault(isNode(key) && key.range !== undefined ? key : node, 'a key must be plain text');
        size += count(key) + count(value);
      } else size += count(item);
    }
    if (node.anchor !== undefined) anchors.set(node.anchor, size);
    return size;
  };
  const decoded = count(contents);
  if (faults.length === 0 && isAliasBomb(decoded, aliased)) fault(contents, 'its aliases stand for too much');
  return faults;
}

/**
 * Go's rule against texts that double themselves: of many values, hardly any may come from aliases. What names itself
 * stands for infinitely many.
 * @see https://github.com/yaml/go-yaml/blob/v2/decode.go
 */
function isAliasBomb(decoded: number, aliased: number): boolean {
  if (decoded === Infinity) return true;
  return aliased > FEW_ALIASED && decoded > FEW_DECODED && aliased / decoded > allowed(decoded);
}

/** 99 % of a small text, 10 % of a large one. */
function allowed(decoded: number): number {
  const [small, large] = [400_000, 4_000_000];
  if (decoded <= small) return 0.99;
  if (decoded >= large) return 0.1;
  return 0.99 - (0.89 * (decoded - small)) / (large - small);
}
