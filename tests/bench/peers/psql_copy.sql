\copy peer_bar FROM pstdin (FORMAT csv, HEADER)
