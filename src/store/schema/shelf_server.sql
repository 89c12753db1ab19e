-- Shelves under the names that they have in a file, where each is a table; here the index over shelf, id and check is as quick.
CREATE VIEW shelf_0 AS SELECT id, check_name FROM beat WHERE shelf = 0;
CREATE VIEW shelf_1 AS SELECT id, check_name FROM beat WHERE shelf = 1;
CREATE VIEW shelf_2 AS SELECT id, check_name FROM beat WHERE shelf = 2;
CREATE VIEW shelf_3 AS SELECT id, check_name FROM beat WHERE shelf = 3;
