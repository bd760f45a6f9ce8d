export { type ControlPlaneOptions, startControlPlane } from "./control-plane.ts";
