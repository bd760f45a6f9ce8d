ALTER ROLE :"ready" RENAME TO :"user";
