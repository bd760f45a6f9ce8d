GRANT :"role" TO :"user";
