export { type ColumnPattern, columnMatcher, columnPattern } from "./column-pattern.ts";
export { type CustomPatterns, DETECTOR_NAME, type PatternProblem } from "./custom.ts";
export {
  type DetectorRegistry,
  detectorRegistry,
  type RegistryResult,
  type Selection,
} from "./registry.ts";
export { maskAscii } from "./partial-ascii.ts";
export type { MaskedText, Scanner } from "./scanner.ts";
export type { Found } from "./spans.ts";
export { chained, nothingLeft } from "./stream/chain.ts";
export { type MaskingStreamOptions, maskingStream } from "./stream/stream.ts";
export { compileTransform, maskingKey, REDACTED, type TextTransform } from "./transform.ts";
