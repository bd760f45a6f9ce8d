export type { RecordedEvent } from "./event.ts";
export { type CastFile, openRecordings, type RecordingFolder, type RecordingOptions } from "./folder.ts";
export { readRecording } from "./read.ts";
