/** The field and the constant of edwards25519 (RFC 8032 section 5.1). */
const P = 2n ** 255n - 19n;
const D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n;

/**
 * Whether 32 bytes are a point of edwards25519 that a key can be: OpenSSL takes any 32 bytes, and finds out when it
 * verifies. A point of small order is none: for such a "key" anybody can write signatures.
 */
export function isEdwardsPoint(bytes: Uint8Array): boolean {
  if (bytes.length !== 32) return false;
  // Little-endian; the top bit is the sign of x.
  const encoded = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
  const y = encoded & (2n ** 255n - 1n);
  if (y >= P) return false;
  const y2 = (y * y) % P;
  // Orders 1, 2 and 4 have y = 1, -1 and 0. One of order 8 doubles to y = 0, that is, has y^2 = -x^2.
  const smallOrder = y2 <= 1n || (D * y2 * y2 + 2n * y2) % P === 1n;
  // x^2 = (y^2 - 1) / (d y^2 + 1) has a root where the product of the two is a square.
  const product = ((y2 - 1n) * (D * y2 + 1n)) % P;
  return !smallOrder && isSquare(product);
}

/** By Euler's criterion: to the power of (P - 1) / 2, which is 2^254 - 10, a square is 1. */
function isSquare(number: bigint): boolean {
  const square = (number * number) % P;
  const sixth = (((square * square) % P) * square) % P;
  return (squared(powerOfOnes(number, 250), 4) * sixth) % P === 1n;
}

/** To the power of 2^bits - 1, with as few multiplications as will do: peers who have proved nothing yet have them done. */
function powerOfOnes(number: bigint, bits: number): bigint {
  if (bits === 1) return number;
  const half = bits >> 1;
  const part = powerOfOnes(number, half);
  const even = (squared(part, half) * part) % P;
  return bits % 2 === 0 ? even : (squared(even, 1) * number) % P;
}

function squared(number: bigint, times: number): bigint {
  let result = number;
  for (let count = 0; count < times; count++) result = (result * result) % P;
  return result;
}
