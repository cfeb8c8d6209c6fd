/** DER encodings against values worked out by hand from X.690. */
import { describe, expect, it } from 'vitest';
import { derInteger, derNull, derObjectIdentifier, derOctetString, derSequence } from '../../../src/trust/keys/der.ts';

describe('DER', () => {
  it.each([
    [0, '020100'],
    [127, '02017f'],
    [128, '02020080'],
    [255, '020200ff'],
    [256, '02020100'],
    [600_000, '02030927c0'],
    [Number.MAX_SAFE_INTEGER, '02071fffffffffffff'],
  ])('encodes the integer %d', (value, hex) => {
    expect(derInteger(value).toString('hex')).toBe(hex);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the integer %d', (value) => {
    expect(() => derInteger(value)).toThrow(RangeError);
  });

  it.each([
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_536, '0483010000'],
  ])('encodes a length of %d bytes', (length, header) => {
    const encoded = derOctetString(Buffer.alloc(length, 7));
    expect(encoded.toString('hex', 0, encoded.length - length)).toBe(header);
  });

  it('encodes object identifiers, sequences and NULL', () => {
    expect(derObjectIdentifier('1.2.840.113549.1.5.13').toString('hex')).toBe('06092a864886f70d01050d');
    expect(derObjectIdentifier('2.16.840.1.101.3.4.1.42').toString('hex')).toBe('060960864801650304012a');
    expect(derSequence(derNull(), derInteger(1)).toString('hex')).toBe('30050500020101');
  });
});
