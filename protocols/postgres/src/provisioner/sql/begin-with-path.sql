-- A list of names: as one value it would be one name with commas in it.
ALTER ROLE :"user" SET search_path TO :"schemas";
