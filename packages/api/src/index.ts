export {
  type ApprovalBody,
  approvalSchema,
  callbackSchema,
  type ErrorBody,
  errorSchema,
  type PageBody,
  pageSchema,
  stateSchema,
} from "./bodies.ts";
export {
  type Controlled,
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from "./control-plane.ts";
